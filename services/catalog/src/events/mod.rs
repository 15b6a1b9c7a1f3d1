//! The subscription table: which record of which topic becomes which command, and who is told of it afterwards.

mod consumed;

use chrono::Duration;
use contracts::catalog::ProductState;
use contracts::category::CategoryState;
use contracts::order::OrderEvent;
use messaging::Subscriptions;

use crate::processes::invalidation::StaleProducts;

/// What this service listens to. `margin` is how long a reservation outlives its order's deadline.
///
/// `stale` is told of the products whose own events came back, so that the commits of every replica reach the cache, and of the
/// organisations whose category trees changed, since pages show what stands below a category. It
/// is told after a batch's commit and keeps what it is told in memory: what a crash of this process loses lives out its
/// lifetime in Redis (`CACHE_SECONDS`).
#[must_use]
pub fn subscriptions(margin: Duration, stale: StaleProducts) -> Subscriptions {
    let pages = stale.clone();
    Subscriptions::new(crate::NAME)
        .on_state::<CategoryState, _, _>(consumed::apply_categories)
        .on_batch::<OrderEvent, _, _>(move |events| consumed::follow_orders(events, margin))
        .observe_state::<CategoryState>(move |snapshots| pages.note_pages(snapshots.iter().map(|one| one.organisation)))
        .observe_state::<ProductState>(move |snapshots| stale.note(snapshots.iter().map(consumed::product)))
}
