//! A circuit breaker: stops calling a server that does not reply.
//! The rule: while it is open, a call costs one atomic read, and about once a second a single caller tries. Calls that
//! fail at the same time count as one failure: a busy machine that paused for a moment is not a dead Redis.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failures in a row, each begun after the one before, that open it.
const FAILURES: u32 = 5;
/// How long it stays open before a caller may try.
const PAUSE: Duration = Duration::from_secs(1);

/// Permission for one call, whose outcome is reported back.
#[derive(Clone, Copy, Debug)]
#[must_use = "the outcome of the call is reported to the breaker"]
pub(crate) struct Attempt {
    /// How many failures in a row were known when it began.
    failures: u32,
}

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

    /// Lets the caller through, or not.
    pub(crate) fn admits(&self) -> Option<Attempt> {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures < FAILURES {
            return Some(Attempt { failures });
        }
        let (now, next) = (self.now(), self.next_attempt.load(Ordering::Relaxed));
        let chosen = now >= next
            && self
                .next_attempt
                .compare_exchange(next, now.saturating_add(pause()), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        chosen.then_some(Attempt { failures })
    }

    pub(crate) fn succeeded(&self) {
        // Reading is cheaper than writing memory that all threads share.
        if self.failures.load(Ordering::Relaxed) != 0 && self.failures.swap(0, Ordering::AcqRel) >= FAILURES {
            tracing::info!("Redis answers again");
        }
    }

    pub(crate) fn failed(&self, attempt: Attempt, reason: &str) {
        // Set before it opens, so that no caller slips through in between.
        self.next_attempt.store(self.now().saturating_add(pause()), Ordering::Release);
        if attempt.failures >= FAILURES {
            return;
        }
        let failures = attempt.failures + 1;
        // Counted only if nobody has failed, or succeeded, since this attempt began.
        let counted =
            self.failures.compare_exchange(attempt.failures, failures, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if counted && failures == FAILURES {
            tracing::warn!("Redis failed {FAILURES} times in a row and is left alone for a second at a time: {reason}");
        }
    }
}

fn pause() -> u64 {
    u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker) {
        breaker.failed(breaker.admits().unwrap(), "x");
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_closes_with_a_success() {
        let breaker = Breaker::new();
        for _ in 0..4 {
            fail(&breaker);
        }
        breaker.succeeded();
        for _ in 0..5 {
            fail(&breaker);
        }
        assert!(breaker.admits().is_none());
        breaker.succeeded();
        assert!(breaker.admits().is_some());
    }

    #[test]
    fn a_hundred_that_fail_at_once_are_one_failure() {
        let breaker = Breaker::new();
        for round in 1..=5 {
            let attempts: Vec<Attempt> = (0..100).map(|_| breaker.admits().unwrap()).collect();
            for attempt in attempts {
                breaker.failed(attempt, "x");
            }
            assert_eq!(breaker.admits().is_some(), round < 5, "after round {round}");
        }
    }

    #[test]
    fn after_its_pause_one_caller_is_let_through_and_no_second() {
        let mut breaker = Breaker::new();
        for _ in 0..5 {
            fail(&breaker);
        }
        assert!(breaker.admits().is_none());
        // Two seconds later.
        breaker.began -= Duration::from_secs(2);
        assert!(breaker.admits().is_some());
        assert!(breaker.admits().is_none());
    }
}
