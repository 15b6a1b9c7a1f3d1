//! The access tokens that API keys were exchanged for, shared by all workers.
//!
//! The rule it keeps: a token is used until half a minute before it expires, unless its signing key is taken back earlier,
//! and one key is exchanged once at a time.
//! Requests that come meanwhile wait for the outcome and take it, whatever it is, so an outage of auth costs them one
//! attempt and not one each.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use hyper::header::HeaderValue;
use moka::Expiry;
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::refusal::Refusal;

/// Keys remembered at most. With their tokens they take about 100 MB.
const REMEMBERED: u64 = 100_000;
/// A token is not used in the last part of its life: the service verifies it later, and by its own clock.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a key is remembered that no token was given for.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// The tokens by the digest of their key.
#[derive(Clone)]
pub(super) struct Exchanged(Cache<[u8; 32], Arc<Slot>>);

/// What is known of one key.
#[derive(Default)]
struct Slot {
    latest: ArcSwapOption<Outcome>,
    /// Held by the request that exchanges the key.
    turn: Mutex<()>,
}

/// How an exchange ended.
struct Outcome {
    result: Result<HeaderValue, Refusal>,
    ended: Instant,
    /// When the next request exchanges the key again.
    renewed_from: Instant,
}

impl Default for Exchanged {
    fn default() -> Exchanged {
        Exchanged(Cache::builder().max_capacity(REMEMBERED).expire_after(WithTheToken).build())
    }
}

impl Exchanged {
    /// The `Authorization` that stands for the key with this digest: a remembered one that is still `valid`, or one from
    /// `exchange`, which also says how long the token in it is valid.
    pub(super) async fn authorization(
        &self,
        digest: [u8; 32],
        valid: impl Fn(&HeaderValue) -> bool,
        exchange: impl AsyncFnOnce() -> Result<(HeaderValue, Duration), Refusal>,
    ) -> Result<HeaderValue, Refusal> {
        let asked = Instant::now();
        let slot = self.0.get_with(digest, Arc::default);
        if let Some(usable) = slot.usable(asked, &valid) {
            return usable;
        }
        let _turn = slot.turn.lock().await;
        if let Some(usable) = slot.usable(asked, &valid) {
            return usable;
        }
        let result = exchange().await;
        let ended = Instant::now();
        let used_for = result.as_ref().map_or(Duration::ZERO, |(_, valid_for)| valid_for.saturating_sub(MARGIN));
        let result = result.map(|(authorization, _)| authorization);
        let outcome = Outcome { result: result.clone(), ended, renewed_from: ended + used_for };
        slot.latest.store(Some(Arc::new(outcome)));
        // Once more, so that it is forgotten when its token is.
        self.0.insert(digest, Arc::clone(&slot));
        result
    }
}

impl Slot {
    /// What a request that came at this moment may take: the outcome that it waited for, or a token that is still used.
    fn usable(&self, asked: Instant, valid: impl Fn(&HeaderValue) -> bool) -> Option<Result<HeaderValue, Refusal>> {
        let latest = self.latest.load();
        let Outcome { result, ended, renewed_from } = &**latest.as_ref()?;
        let still_used = || asked < *renewed_from && result.as_ref().is_ok_and(&valid);
        (asked <= *ended || still_used()).then(|| result.clone())
    }
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exchanged").field("remembered", &self.0.entry_count()).finish()
    }
}

struct WithTheToken;

impl WithTheToken {
    fn of(slot: &Slot, now: Instant) -> Duration {
        let latest = slot.latest.load();
        latest.as_ref().map_or(FORGOTTEN_AFTER, |outcome| {
            if outcome.result.is_ok() { outcome.renewed_from.saturating_duration_since(now) } else { FORGOTTEN_AFTER }
        })
    }
}

impl Expiry<[u8; 32], Arc<Slot>> for WithTheToken {
    fn expire_after_create(&self, _: &[u8; 32], slot: &Arc<Slot>, now: Instant) -> Option<Duration> {
        Some(Self::of(slot, now))
    }

    fn expire_after_update(
        &self,
        _: &[u8; 32],
        slot: &Arc<Slot>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(Self::of(slot, now))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use access::KeyRejection;
    use futures::future::join_all;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn token(number: u32, seconds: u64) -> (HeaderValue, Duration) {
        (HeaderValue::from_str(&format!("Bearer {number}")).unwrap(), Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn many_at_once_share_one_exchange_and_its_failure_too() {
        let (exchanged, asked) = (Exchanged::default(), Cell::new(0));
        let all = async |refused: bool| {
            let requests = (0..50).map(|_| {
                exchanged.authorization(
                    KEY,
                    |_| true,
                    async || {
                        asked.set(asked.get() + 1);
                        tokio::task::yield_now().await;
                        if refused { Err(Refusal::of_key(KeyRejection::Unknown)) } else { Ok(token(1, 600)) }
                    },
                )
            });
            join_all(requests).await
        };
        assert!(all(true).await.iter().all(Result::is_err));
        assert_eq!(asked.get(), 1);
        let tokens = all(false).await;
        assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(|token| token == "Bearer 1")));
        assert_eq!(asked.get(), 2, "a failure is not remembered");
        assert!(all(true).await.iter().all(Result::is_ok));
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn a_token_is_not_used_in_the_last_part_of_its_life() {
        let exchanged = Exchanged::default();
        for number in 1..4 {
            let used = exchanged.authorization(KEY, |_| true, async || Ok(token(number, 30))).await.unwrap();
            assert_eq!(used, format!("Bearer {number}"));
        }
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_lets_the_next_one_exchange() {
        let exchanged = Exchanged::default();
        let never = exchanged.authorization(KEY, |_| true, async || std::future::pending().await);
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        let used = exchanged.authorization(KEY, |_| true, async || Ok(token(1, 600))).await.unwrap();
        assert_eq!(used, "Bearer 1");
        let other = exchanged.authorization([8; 32], |_| true, async || Ok(token(2, 600))).await.unwrap();
        assert_eq!(other, "Bearer 2", "another key got this key's token");
    }

    #[tokio::test]
    async fn a_token_that_is_no_longer_valid_is_replaced() {
        let exchanged = Exchanged::default();
        let first = |authorization: &HeaderValue| authorization == "Bearer 1";
        for (number, used) in [(1, "Bearer 1"), (2, "Bearer 1")] {
            assert_eq!(exchanged.authorization(KEY, first, async || Ok(token(number, 600))).await.unwrap(), used);
        }
        let used = exchanged.authorization(KEY, |one| !first(one), async || Ok(token(3, 600))).await.unwrap();
        assert_eq!(used, "Bearer 3");
    }
}
