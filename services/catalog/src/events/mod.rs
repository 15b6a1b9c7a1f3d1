//! What this service listens to and what it says: the subscription table.

pub(crate) mod consumed;
pub(crate) mod published;

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::OrderEvent;
use messaging::Subscriptions;

use crate::forgetting::Forgetting;

/// Which record becomes which command. `margin` is how long a reservation outlives its order's deadline.
#[must_use]
pub fn subscriptions(margin: Duration, forgetting: Forgetting) -> Subscriptions {
    Subscriptions::new(crate::NAME)
        .on_state::<CategoryState, _, _>(consumed::apply_categories)
        .on_batch::<OrderEvent, _, _>(move |events| consumed::follow_orders(events, margin))
        .on_state::<ProductState, _, _>(move |snapshots| consumed::forget_products(&snapshots, &forgetting))
}
