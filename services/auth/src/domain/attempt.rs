//! How often a password may be guessed: ten times freely, then with a pause that doubles, for accounts that exist and
//! for those that do not.

use std::time::Duration;

use kernel::Timestamp;
use serde::Serialize;

/// Guesses that cost no pause. Somebody who mistypes, or logs in on several devices at once, needs a few.
const FREE: i32 = 10;
/// The longest pause. Longer would let a stranger lock somebody out.
const LONGEST: Duration = Duration::from_secs(900);

/// Whether a guess may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It may.
    Admitted,
    /// It may not until then.
    Locked {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// The recent guesses at one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Guesses since the last right one; one that is still being checked counts.
    pub failures: i32,
    /// No guess before this time.
    pub locked_until: Timestamp,
}

impl Attempts {
    /// Asks for one more guess. It counts as wrong until it proves right, so that guesses made at the same time
    /// cannot all slip through before the first has failed.
    #[must_use]
    pub fn admit(self, now: Timestamp) -> (Self, Verdict) {
        if now < self.locked_until {
            return (self, Verdict::Locked { until: self.locked_until });
        }
        let failures = self.failures.saturating_add(1);
        (Self { failures, locked_until: now + pause(failures) }, Verdict::Admitted)
    }
}

/// The pause after that many guesses: 1 s after the tenth, then doubling.
fn pause(failures: i32) -> Duration {
    match u32::try_from(failures - FREE) {
        Err(_) => Duration::ZERO,
        Ok(beyond) => Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_guesses_are_free_and_then_each_waits_twice_as_long() {
        let mut now = kernel::Clock::now();
        let mut attempts = Attempts { failures: 0, locked_until: now };
        for guess in 1..=FREE {
            let (next, verdict) = attempts.admit(now);
            assert_eq!(verdict, Verdict::Admitted, "guess {guess}");
            attempts = next;
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let (unchanged, verdict) = attempts.admit(now);
            assert_eq!(verdict, Verdict::Locked { until: now + Duration::from_secs(seconds) });
            assert_eq!(unchanged, attempts, "a refused guess does not prolong the lock");
            now = attempts.locked_until;
            attempts = attempts.admit(now).0;
        }
    }

    #[test]
    fn no_number_of_guesses_breaks_the_arithmetic() {
        let now = kernel::Clock::now();
        for failures in [63, 64, 73, 74, 75, 1_000, i32::MAX] {
            assert_eq!(pause(failures), LONGEST, "{failures}");
            let _ = Attempts { failures, locked_until: now }.admit(now);
        }
    }
}
