//! Stops asking something that does not answer.
//! The rule: while open, a call costs one atomic read; about once a second a single caller tries.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open before somebody tries.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Breaker {
    began: Instant,
    failures: AtomicU32,
    // Milliseconds after `began`.
    next_attempt: AtomicU64,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), failures: AtomicU32::new(0), next_attempt: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES
    }

    /// Whether this caller may try.
    pub(crate) fn admits(&self) -> bool {
        if !self.is_open() {
            return true;
        }
        let (now, next) = (self.now(), self.next_attempt.load(Ordering::Relaxed));
        now >= next
            && self
                .next_attempt
                .compare_exchange(next, now.saturating_add(pause()), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    pub(crate) fn succeeded(&self) {
        if self.failures.swap(0, Ordering::AcqRel) >= FAILURES {
            tracing::info!("Redis answers again");
        }
    }

    pub(crate) fn failed(&self, reason: &str) {
        // Set before it opens, so that nobody slips through between the two.
        self.next_attempt.store(self.now().saturating_add(pause()), Ordering::Release);
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if failures == FAILURES {
            tracing::warn!("Redis failed {FAILURES} times in a row and is left alone for a second at a time: {reason}");
        }
        if failures == u32::MAX {
            self.failures.store(FAILURES, Ordering::Relaxed);
        }
    }
}

fn pause() -> u64 {
    u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_closes_with_a_success() {
        let breaker = Breaker::new();
        for _ in 0..4 {
            breaker.failed("x");
        }
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed("x");
            assert!(breaker.admits());
        }
        breaker.failed("x");
        assert!(!breaker.admits());
        breaker.succeeded();
        assert!(breaker.admits());
    }

    #[test]
    fn when_its_time_has_come_one_caller_is_let_through_and_no_second() {
        let mut breaker = Breaker::new();
        for _ in 0..5 {
            breaker.failed("x");
        }
        assert!(!breaker.admits());
        // Two seconds later.
        breaker.began -= Duration::from_secs(2);
        assert!(breaker.admits());
        assert!(!breaker.admits());
    }
}
