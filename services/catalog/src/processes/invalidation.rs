//! Removes changed products, and the pages that a changed category stands behind, from the shop's cache, in the background.
//! The rule: no transaction waits for Redis, and a burst of changes costs one call for each product and one for each
//! organisation's pages. Whoever writes waits, after the commit, until the cache has forgotten what was there before, so that
//! nobody reads an older value after the answer; where Redis does not take it in time, the answer goes out anyway. What Redis did not take is
//! tried again until it does: Redis may come back with its old entries. What is noted is in memory only. Entries whose
//! invalidation is lost in a crash live out their lifetime in Redis.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{OrganisationId, ProductId};
use service::{CancellationToken, Part, Stage};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::shop_cache::{ShopCache, Stale};

/// How long Redis is left alone after it did not take an invalidation.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest that a writer waits for the cache: longer than Redis is left alone after failures in a row, so that a slow moment
/// of Redis is waited out. When Redis has failed for so long, nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Products that changed, and organisations whose pages did, since the cache was last told. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StaleProducts {
    noted: Arc<Mutex<Noted>>,
    changed: Arc<Notify>,
    progress: Arc<watch::Sender<Progress>>,
}

#[derive(Debug, Default)]
struct Noted {
    stale: BTreeSet<Stale>,
    /// How many times they were taken before.
    round: u64,
}

/// How far the invalidation is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The cache has forgotten everything that was noted before this round.
    done_before: u64,
    /// Whether Redis has taken nothing whole for [`PATIENCE`].
    away: bool,
}

/// What is being invalidated. What is left when it is dropped, also by a panic, is noted again.
struct InFlight<'s> {
    from: &'s StaleProducts,
    stale: BTreeSet<Stale>,
    round: u64,
}

impl StaleProducts {
    /// Notes products; never waits.
    pub fn note(&self, products: impl IntoIterator<Item = (OrganisationId, ProductId)>) {
        self.round_of(all(products));
    }

    /// Notes organisations whose pages show something else by now, although none of their products changed; never waits.
    pub fn note_pages(&self, organisations: impl IntoIterator<Item = OrganisationId>) {
        self.round_of(organisations.into_iter().map(Stale::Pages));
    }

    /// Notes products and waits until the cache has forgotten them; not longer than 2 s, and not at all when Redis is
    /// away.
    pub async fn note_and_wait(&self, products: impl IntoIterator<Item = (OrganisationId, ProductId)>) {
        let stale: BTreeSet<Stale> = all(products).collect();
        // A round with nothing in it is never reported as done.
        if stale.is_empty() {
            return;
        }
        let mut progress = self.progress.subscribe();
        let round = self.round_of(stale);
        let passed = progress.wait_for(|progress| progress.away || progress.done_before > round);
        // Without an answer the entries are still removed as soon as Redis takes it.
        let _too_late = tokio::time::timeout(PATIENCE, passed).await;
    }

    /// Notes what is stale; the round that it is part of.
    fn round_of(&self, stale: impl IntoIterator<Item = Stale>) -> u64 {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.stale.extend(stale);
        self.changed.notify_one();
        noted.round
    }

    fn take(&self) -> InFlight<'_> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let (stale, round) = (std::mem::take(&mut noted.stale), noted.round);
        noted.round += 1;
        InFlight { from: self, stale, round }
    }
}

fn all(products: impl IntoIterator<Item = (OrganisationId, ProductId)>) -> impl Iterator<Item = Stale> {
    products.into_iter().map(|(organisation, product)| Stale::Product(organisation, product))
}

impl InFlight<'_> {
    /// Keeps what Redis did not take, and tells those who wait how far it is.
    fn keep(&mut self, left: BTreeSet<Stale>, away: bool) {
        self.from.progress.send_modify(|progress| {
            if left.is_empty() {
                progress.done_before = self.round + 1;
            }
            progress.away = away;
        });
        self.stale = left;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.stale.is_empty() {
            self.from.round_of(std::mem::take(&mut self.stale));
        }
    }
}

/// Invalidates what is noted. It stops one stage after the consumer, which notes it, and not in the last stage,
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
    let mut failing: Option<Instant> = None;
    loop {
        let mut in_flight = stale.take();
        if in_flight.stale.is_empty() {
            tokio::select! {
                // What was noted before the stop is invalidated.
                biased;
                () = stale.changed.notified() => continue,
                () = stop.cancelled() => return,
            }
        }
        let left = cache.invalidate(&in_flight.stale).await;
        let since = (!left.is_empty()).then(|| *failing.get_or_insert_with(Instant::now));
        failing = since;
        in_flight.keep(left, since.is_some_and(|since| since.elapsed() >= PATIENCE));
        if !in_flight.stale.is_empty() {
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
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_writer_waits_for_the_round_that_its_product_is_part_of() {
        let stale = StaleProducts::default();
        let product = (OrganisationId::new(), ProductId::new());
        stale.note([(OrganisationId::new(), ProductId::new())]);
        let mut before = stale.take();
        let mut waiting = pin!(stale.note_and_wait([product]));
        assert!(waiting.as_mut().now_or_never().is_none());
        before.keep(BTreeSet::new(), false);
        assert!(waiting.as_mut().now_or_never().is_none(), "that round began before it was noted");
        stale.take().keep(BTreeSet::new(), false);
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn nobody_waits_when_nothing_changed() {
        let stale = StaleProducts::default();
        assert!(pin!(stale.note_and_wait([])).as_mut().now_or_never().is_some());
        assert!(stale.take().stale.is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_cache_that_does_not_answer() {
        let stale = StaleProducts::default();
        let product = (OrganisationId::new(), ProductId::new());
        stale.note([product]);
        let mut in_flight = stale.take();
        in_flight.keep(all([product]).collect(), true);
        let mut waiting = pin!(stale.note_and_wait([product]));
        assert!(waiting.as_mut().now_or_never().is_some());
        drop(in_flight);
        assert_eq!(stale.take().stale, all([product]).collect(), "it is tried again");
    }

    #[test]
    fn what_is_left_or_changes_meanwhile_is_taken_again() {
        let stale = StaleProducts::default();
        let product = || (OrganisationId::new(), ProductId::new());
        let (left, done, meanwhile) = (product(), product(), product());
        stale.note([left, done]);
        stale.note_pages([left.0]);
        let mut in_flight = stale.take();
        assert!(
            in_flight.stale.remove(&Stale::Product(done.0, done.1)) && in_flight.stale.remove(&Stale::Pages(left.0))
        );
        stale.note([meanwhile]);
        assert_eq!(stale.take().stale, all([meanwhile]).collect());
        drop(in_flight);
        assert_eq!(stale.take().stale, all([left, meanwhile]).collect());
    }
}
