//! Contract → command: what others say, in this service's words. Nothing is decided here.

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::OrderEvent;
use kernel::{CategoryId, ProductId};
use messaging::{Delivered, Snapshot};

use crate::commands::apply_categories::{ApplyCategories, CategoryNews, CategoryRecord};
use crate::commands::follow_orders::{FollowOrders, OrderNews};
use crate::commands::forget_products::ForgetProducts;
use crate::domain::reservation::{OrderFact, OrderedLine};
use crate::forgetting::Forgetting;

/// Category's tree becomes one command.
pub(super) fn apply_categories(snapshots: Vec<Snapshot<CategoryState>>) -> ApplyCategories {
    let news = |snapshot: Snapshot<CategoryState>| CategoryNews {
        category: CategoryId::from_uuid(snapshot.key),
        state: snapshot.state.map(|state| CategoryRecord {
            parent: state.parent,
            slug: state.slug.into(),
            path: state.path,
            removed: state.removed,
            version: snapshot.version,
        }),
    };
    ApplyCategories { news: snapshots.into_iter().map(news).collect() }
}

/// Order's facts become one command.
pub(super) fn follow_orders(events: Vec<Delivered<OrderEvent>>, margin: Duration) -> FollowOrders {
    FollowOrders { news: events.into_iter().map(news).collect(), margin }
}

/// The catalog's own products, come back from the broker: what is cached of them is stale.
pub(super) fn forget_products(snapshots: &[Snapshot<ProductState>], forgetting: &Forgetting) -> ForgetProducts {
    let products =
        snapshots.iter().map(|snapshot| (snapshot.organisation, ProductId::from_uuid(snapshot.key))).collect();
    ForgetProducts { products, forgetting: forgetting.clone() }
}

fn news(delivered: Delivered<OrderEvent>) -> OrderNews {
    let (order, fact) = match delivered.event {
        OrderEvent::Placed(placed) => {
            let line = |line: contracts::order::OrderLine| OrderedLine {
                sku: line.sku,
                quantity: line.quantity,
                unit_price: line.unit_price,
            };
            let lines = placed.lines.into_iter().map(line).collect();
            (placed.order, OrderFact::Placed { lines, deadline_at: placed.deadline_at })
        }
        OrderEvent::Confirmed(confirmed) => (confirmed.order, OrderFact::Confirmed),
        OrderEvent::Rejected(rejected) => (rejected.order, OrderFact::Rejected),
        OrderEvent::Cancelled(cancelled) => (cancelled.order, OrderFact::Cancelled),
    };
    OrderNews { order, fact, provenance: delivered.provenance }
}
