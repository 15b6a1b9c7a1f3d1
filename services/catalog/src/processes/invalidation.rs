//! Removes changed products from the shop's cache, in the background.
//! The rule: no transaction waits for Redis, and a burst of changes costs one call for each product and one for each
//! organisation's pages. What Redis did not take is tried again until it does: Redis may come back with its old entries.
//! What is noted is in memory only. Entries whose invalidation is lost in a crash live out their lifetime in Redis.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{OrganisationId, ProductId};
use service::{CancellationToken, Part, Stage};
use tokio::sync::Notify;

use crate::shop_cache::ShopCache;

/// How long Redis is left alone after it did not take an invalidation.
const PAUSE: Duration = Duration::from_millis(200);

type Products = BTreeSet<(OrganisationId, ProductId)>;

/// Products that changed since the cache was last told. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StaleProducts {
    noted: Arc<Mutex<Products>>,
    changed: Arc<Notify>,
}

/// Products that are being invalidated. Those that are left when it is dropped, also by a panic, are noted again.
struct InFlight<'s> {
    from: &'s StaleProducts,
    products: Products,
}

impl StaleProducts {
    /// Notes products; never waits.
    pub fn note(&self, products: impl IntoIterator<Item = (OrganisationId, ProductId)>) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).extend(products);
        self.changed.notify_one();
    }

    fn take(&self) -> InFlight<'_> {
        let products = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        InFlight { from: self, products }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.products.is_empty() {
            self.from.note(std::mem::take(&mut self.products));
        }
    }
}

/// Invalidates what is noted. It stops one stage after the consumer, which notes products, and not in the last stage,
/// whose second would be too short for what the last batches left.
pub fn part(stale: StaleProducts, cache: ShopCache) -> Part {
    Part::restarted(Stage::Publishing, "shop cache invalidation", move |stop| {
        let (stale, cache) = (stale.clone(), cache.clone());
        async move {
            run(&stale, &cache, &stop).await;
            Ok(())
        }
    })
}

/// Goes on until `stop`; what is noted by then is invalidated before it ends, if Redis answers.
async fn run(stale: &StaleProducts, cache: &ShopCache, stop: &CancellationToken) {
    loop {
        let mut in_flight = stale.take();
        if in_flight.products.is_empty() {
            tokio::select! {
                // What was noted before the stop is invalidated.
                biased;
                () = stale.changed.notified() => continue,
                () = stop.cancelled() => return,
            }
        }
        in_flight.products = cache.invalidate(&in_flight.products).await;
        if !in_flight.products.is_empty() {
            drop(in_flight);
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                // The entries that are left live out their lifetime in Redis.
                () = stop.cancelled() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_or_changes_meanwhile_is_taken_again() {
        let stale = StaleProducts::default();
        let product = || (OrganisationId::new(), ProductId::new());
        let (left, done, meanwhile) = (product(), product(), product());
        stale.note([left, done]);
        let mut in_flight = stale.take();
        in_flight.products.remove(&done);
        stale.note([meanwhile]);
        assert_eq!(stale.take().products, Products::from([meanwhile]));
        drop(in_flight);
        assert_eq!(stale.take().products, Products::from([left, meanwhile]));
    }
}
