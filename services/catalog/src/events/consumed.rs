//! Contract → command: the events of others in this service's terms. Nothing is decided here.

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::OrderEvent;
use kernel::{CategoryId, OrganisationId, ProductId};
use messaging::{Delivered, Snapshot};

use crate::commands::apply_categories::ApplyCategories;
use crate::commands::follow_orders::{FollowOrders, ReportedFact};
use crate::domain::category::CategoryCopy;
use crate::domain::reservation::OrderFact;

/// Category's tree becomes one command.
pub(super) fn apply_categories(snapshots: Vec<Snapshot<CategoryState>>) -> ApplyCategories {
    let mut command = ApplyCategories::default();
    for snapshot in snapshots {
        let category = CategoryId::from_uuid(snapshot.key);
        match snapshot.state {
            Some(state) => command.copies.push(CategoryCopy {
                organisation: snapshot.organisation,
                category,
                parent: state.parent,
                slug: state.slug,
                path: state.path,
                removed: state.removed,
                version: snapshot.version,
            }),
            None => command.gone.push((snapshot.organisation, category)),
        }
    }
    command
}

/// Order's facts become one command.
pub(super) fn follow_orders(events: Vec<Delivered<OrderEvent>>, margin: Duration) -> FollowOrders {
    FollowOrders { facts: events.into_iter().map(reported).collect(), margin }
}

/// The product that a snapshot is of.
pub(super) fn product(snapshot: &Snapshot<ProductState>) -> (OrganisationId, ProductId) {
    (snapshot.organisation, ProductId::from_uuid(snapshot.key))
}

fn reported(delivered: Delivered<OrderEvent>) -> ReportedFact {
    let (order, fact) = match delivered.event {
        OrderEvent::Placed(placed) => {
            (placed.order, OrderFact::Placed { lines: placed.lines, deadline_at: placed.deadline_at })
        }
        OrderEvent::Confirmed(confirmed) => (confirmed.order, OrderFact::Confirmed),
        OrderEvent::Rejected(rejected) => (rejected.order, OrderFact::Rejected),
        OrderEvent::Cancelled(cancelled) => (cancelled.order, OrderFact::Cancelled),
    };
    let said_at = delivered.envelope.time;
    ReportedFact { organisation: delivered.organisation, order, fact, said_at, provenance: delivered.provenance }
}
