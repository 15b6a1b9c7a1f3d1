//! A circuit breaker: stops calling a server that does not reply.
//! The rule: while it is open, a call costs one atomic read, and once in a pause a single caller tries. Calls that fail at
//! the same time count as one failure: a busy machine that paused for a moment is not a dead server.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Permission for one call, whose outcome is reported back.
#[derive(Clone, Copy, Debug)]
#[must_use = "the outcome of the call is reported to the breaker"]
pub struct Attempt {
    /// How many failures in a row were known when it began.
    failures: u32,
}

/// Stands before a server that may be away. Its owner says in the log what it opens and closes for.
#[derive(Debug)]
pub struct Breaker {
    /// Failures in a row, each begun after the one before, that open it.
    opens_at: u32,
    /// How long it stays open before a caller may try.
    pause: Duration,
    began: Instant,
    failures: AtomicU32,
    // Milliseconds after `began`.
    next_attempt: AtomicU64,
}

impl Breaker {
    /// A closed one. It opens after this many failures in a row, and lets one caller try after each pause.
    #[must_use]
    pub fn new(opens_at: u32, pause: Duration) -> Self {
        let (failures, next_attempt) = (AtomicU32::new(0), AtomicU64::new(0));
        Self { opens_at, pause, began: Instant::now(), failures, next_attempt }
    }

    /// Whether the server is taken for away.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= self.opens_at
    }

    /// Lets the caller through, or not.
    pub fn admits(&self) -> Option<Attempt> {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures < self.opens_at {
            return Some(Attempt { failures });
        }
        let (now, next) = (self.now(), self.next_attempt.load(Ordering::Relaxed));
        let chosen = now >= next
            && self
                .next_attempt
                .compare_exchange(next, self.after_pause(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        chosen.then_some(Attempt { failures })
    }

    /// A call had a reply. True when that closed it.
    pub fn succeeded(&self) -> bool {
        // Reading is cheaper than writing memory that all threads share.
        self.failures.load(Ordering::Relaxed) != 0 && self.failures.swap(0, Ordering::AcqRel) >= self.opens_at
    }

    /// A call had none. True when that opened it.
    pub fn failed(&self, attempt: Attempt) -> bool {
        // Set before it opens, so that no caller slips through in between.
        self.next_attempt.store(self.after_pause(), Ordering::Release);
        if attempt.failures >= self.opens_at {
            return false;
        }
        let failures = attempt.failures + 1;
        // Counted only if nobody has failed, or succeeded, since this attempt began.
        let counted =
            self.failures.compare_exchange(attempt.failures, failures, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        counted && failures == self.opens_at
    }

    fn now(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }

    fn after_pause(&self) -> u64 {
        self.now().saturating_add(milliseconds(self.pause))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(5, Duration::from_secs(1))
    }

    fn fail(breaker: &Breaker) -> bool {
        breaker.failed(breaker.admits().unwrap())
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_closes_with_a_success() {
        let breaker = breaker();
        for _ in 0..4 {
            assert!(!fail(&breaker));
        }
        assert!(!breaker.succeeded(), "it was not open");
        let opened: Vec<bool> = (0..5).map(|_| fail(&breaker)).collect();
        assert_eq!(opened, [false, false, false, false, true]);
        assert!(breaker.admits().is_none() && breaker.is_open());
        assert!(breaker.succeeded() && !breaker.succeeded(), "it closes once");
        assert!(breaker.admits().is_some() && !breaker.is_open());
    }

    #[test]
    fn a_hundred_that_fail_at_once_are_one_failure() {
        let breaker = breaker();
        for round in 1..=5 {
            let attempts: Vec<Attempt> = (0..100).map(|_| breaker.admits().unwrap()).collect();
            let opened = attempts.into_iter().filter(|attempt| breaker.failed(*attempt)).count();
            assert_eq!(opened, usize::from(round == 5), "it opens once");
            assert_eq!(breaker.admits().is_some(), round < 5, "after round {round}");
        }
    }

    #[test]
    fn after_its_pause_one_caller_is_let_through_and_no_second() {
        let mut breaker = breaker();
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
