//! Contract → command: the events of others in this service's terms. Nothing is decided here.

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::{AdditionRequested, LineStanding, OrderEvent, Pieces, Placed, Source, Standing, StockPolicy};
use kernel::{CategoryId, OrganisationId, ProductId};
use messaging::{Delivered, Snapshot};

use crate::commands::apply_categories::ApplyCategories;
use crate::commands::follow_orders::{FollowOrders, ReportedFact};
use crate::domain::category::CategoryCopy;
use crate::domain::reservation::{Claim, Moved, OrderFact};

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
    FollowOrders { facts: events.into_iter().filter_map(reported).collect(), margin }
}

/// The product that a snapshot is of.
pub(super) fn product(snapshot: &Snapshot<ProductState>) -> (OrganisationId, ProductId) {
    (snapshot.organisation, ProductId::from_uuid(snapshot.key))
}

/// What an event means for the stock; nothing where no piece of it moves.
fn reported(delivered: Delivered<OrderEvent>) -> Option<ReportedFact> {
    let standing = delivered.event.standing();
    let stock = standing.map(|standing| standing.stock).unwrap_or_default();
    let is_sold_elsewhere = standing.is_some_and(|standing| standing.source == Source::Import);
    if stock == StockPolicy::Skip {
        return None;
    }
    let (order, fact) = match delivered.event {
        OrderEvent::Placed(placed) => {
            let claim = match stock {
                StockPolicy::Force => Claim::Promised,
                _ if is_sold_elsewhere => Claim::Sold,
                _ => Claim::Wanted,
            };
            let Placed { order, lines, priced_in: channel, deadline_at, .. } = placed;
            (order, OrderFact::Placed { lines, channel, deadline_at, claim })
        }
        OrderEvent::Confirmed(confirmed) => (confirmed.order, OrderFact::Confirmed),
        OrderEvent::Rejected(rejected) => (rejected.order, OrderFact::Rejected),
        OrderEvent::AdditionRequested(added) => {
            let AdditionRequested { order, number, lines, priced_in: channel, .. } = added;
            (order, OrderFact::AdditionRequested { number, lines, channel })
        }
        OrderEvent::Cancelled(cancelled) => (cancelled.order, OrderFact::Cancelled),
        OrderEvent::LinesCancelled(cancelled) => (cancelled.order, moved(&cancelled.standing)),
        OrderEvent::Edited(edited) => (edited.order, moved(&edited.standing)),
        OrderEvent::Shipped(shipped) => (shipped.order, moved(&shipped.standing)),
        OrderEvent::Returned(returned) => (returned.order, moved(&returned.standing)),
        OrderEvent::AdditionRefused(refused) if refused.withdrawn => {
            (refused.order, withdrawn(refused.number, &refused.standing))
        }
        // What this catalog refused was never set aside.
        OrderEvent::AdditionRefused(_)
        | OrderEvent::Held(_)
        | OrderEvent::Released(_)
        | OrderEvent::CancellationRequested(_)
        | OrderEvent::CancellationDeclined(_)
        | OrderEvent::Packed(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Completed(_)
        | OrderEvent::ReturnRequested(_)
        | OrderEvent::ReturnApproved(_)
        | OrderEvent::ReturnDeclined(_)
        | OrderEvent::PaymentRecorded(_)
        | OrderEvent::Refunded(_)
        | OrderEvent::NoteAdded(_)
        | OrderEvent::Claimed(_)
        | OrderEvent::ContactErased(_)
        | OrderEvent::Oversold(_) => return None,
    };
    let said_at = delivered.envelope.time;
    Some(ReportedFact { organisation: delivered.organisation, order, fact, said_at, provenance: delivered.provenance })
}

fn withdrawn(number: i64, standing: &Standing) -> OrderFact {
    let kept = standing.lines.iter().map(|line| (line.sku.clone(), line.pieces.reserved)).collect();
    OrderFact::AdditionWithdrawn { number, kept }
}

fn moved(standing: &Standing) -> OrderFact {
    let line = |line: &LineStanding| {
        let Pieces { shipped, cancelled, returned, written_off, .. } = line.pieces;
        (line.sku.clone(), Moved { shipped, cancelled, restocked: returned - written_off })
    };
    OrderFact::Moved(standing.lines.iter().map(line).collect())
}
