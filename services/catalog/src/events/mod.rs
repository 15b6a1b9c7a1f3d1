//! The subscription table: which record of which topic becomes which command.

mod consumed;

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::OrderEvent;
use messaging::Subscriptions;

use crate::processes::invalidation::StaleProducts;

/// What this service listens to. `margin` is how long a reservation outlives its order's deadline; `stale` collects the
/// products whose own events came back.
#[must_use]
pub fn subscriptions(margin: Duration, stale: StaleProducts) -> Subscriptions {
    Subscriptions::new(crate::NAME)
        .on_state::<CategoryState, _, _>(consumed::apply_categories)
        .on_batch::<OrderEvent, _, _>(move |events| consumed::follow_orders(events, margin))
        .on_state::<ProductState, _, _>(move |snapshots| consumed::forget_products(&snapshots, &stale))
}
