//! How often a password may be tried: ten times freely, then with a pause that doubles. The rule holds for accounts
//! that exist and for those that do not, so that a pause says nothing about which do.

use std::time::Duration;

use kernel::Timestamp;
use sha2::{Digest, Sha256};

use super::Email;

/// Attempts that cost no pause. Somebody who mistypes, or logs in on several devices at once, needs a few.
const FREE: i32 = 10;
/// The longest pause. With a longer one, a stranger could lock an owner out.
const LONGEST: Duration = Duration::from_secs(900);

/// The account that attempts are counted for, by the SHA-256 of its e-mail address: what a stranger typed is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountDigest([u8; 32]);

impl AccountDigest {
    /// The digest of an address, whether or not an account has it.
    #[must_use]
    pub fn of(email: &Email) -> Self {
        Self(Sha256::digest(email.as_str()).into())
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether a password may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// It may not before the pause is over.
    Locked {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// The recent attempts at one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts since the last successful one; one whose password is still being checked counts.
    pub failures: i32,
    /// No attempt is admitted before this time.
    pub locked_until: Timestamp,
}

impl Attempts {
    /// Asks for one more attempt. It counts as failed until it succeeds, so that attempts made at the same time
    /// cannot all slip through before the first has failed.
    #[must_use]
    pub fn admit(self, now: Timestamp) -> (Self, Admission) {
        if now < self.locked_until {
            return (self, Admission::Locked { until: self.locked_until });
        }
        let failures = self.failures.saturating_add(1);
        (Self { failures, locked_until: now + pause(failures) }, Admission::Admitted)
    }
}

/// The pause after that many attempts: 1 s after the tenth, then doubling.
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
    fn ten_attempts_are_free_and_then_each_waits_twice_as_long() {
        let mut now = kernel::Clock::now();
        let mut attempts = Attempts { failures: 0, locked_until: now };
        for number in 1..=FREE {
            let (next, admission) = attempts.admit(now);
            assert_eq!(admission, Admission::Admitted, "attempt {number}");
            attempts = next;
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let (unchanged, admission) = attempts.admit(now);
            assert_eq!(admission, Admission::Locked { until: now + Duration::from_secs(seconds) });
            assert_eq!(unchanged, attempts, "a refused attempt does not prolong the pause");
            now = attempts.locked_until;
            attempts = attempts.admit(now).0;
        }
    }

    #[test]
    fn no_number_of_attempts_breaks_the_arithmetic() {
        let now = kernel::Clock::now();
        for failures in [63, 64, 73, 74, 75, 1_000, i32::MAX] {
            assert_eq!(pause(failures), LONGEST, "{failures}");
            let _ = Attempts { failures, locked_until: now }.admit(now);
        }
    }
}
