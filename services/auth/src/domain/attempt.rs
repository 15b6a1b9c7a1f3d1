//! How often a password may be tried. Attempts are counted for the account, for the address and for both together, and the
//! attempts of a client that has logged in before are counted for that client alone.
//! The rules: what strangers do never keeps out a client that the account knows; nobody is kept out for good; and all of it
//! holds for accounts that exist and for those that do not, so that a pause says nothing about which do.

use std::net::IpAddr;
use std::time::Duration;

use kernel::{OrganisationId, Timestamp};
use sha2::{Digest, Sha256};

use super::Email;

/// What attempts are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// One account from one address: the usual case of somebody who mistypes, or guesses.
    AccountFromAddress,
    /// One address, at whatever accounts.
    Address,
    /// One account, from wherever.
    Account,
    /// One account by a client that has logged in to it before.
    KnownClient,
}

impl Counted {
    /// Attempts that cost no pause.
    #[must_use]
    pub const fn free(self) -> i32 {
        match self {
            // Somebody who mistypes, or logs in on several devices at once, needs a few.
            Self::AccountFromAddress | Self::KnownClient => 10,
            // Many people may share an address.
            Self::Address => 100,
            Self::Account => 1_000,
        }
    }

    /// The longest pause.
    const fn longest(self) -> Duration {
        match self {
            Self::AccountFromAddress | Self::Address | Self::KnownClient => Duration::from_secs(900),
            // An owner on a new device must find a gap while strangers go on guessing.
            Self::Account => Duration::from_secs(30),
        }
    }

    /// How long it takes until one failed attempt is forgotten. People who share an address mistype all day, and nobody is
    /// kept out for good.
    const fn fades_in(self) -> Duration {
        match self {
            Self::AccountFromAddress | Self::KnownClient => Duration::from_secs(3_600),
            Self::Address => Duration::from_secs(36),
            Self::Account => Duration::from_secs(4),
        }
    }

    /// The pause after that many attempts: 1 s after the last free one, then doubling.
    fn pause(self, failures: i32) -> Duration {
        match u32::try_from(failures.saturating_sub(self.free())) {
            Err(_) => Duration::ZERO,
            Ok(beyond) => Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(self.longest()),
        }
    }
}

/// One thing that an attempt is counted for, by a SHA-256 digest: what a stranger typed is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub counted: Counted,
    digest: [u8; 32],
}

impl Subject {
    /// What attempts at a customer's account are counted for; those at a person's are counted for the address.
    #[must_use]
    pub fn account_at_shop(organisation: OrganisationId, email: &Email) -> String {
        format!("{organisation}/{}", email.as_str())
    }

    /// What an attempt of an unknown client counts for, whether or not the account exists.
    #[must_use]
    pub fn of_stranger(account: &str, address: IpAddr) -> Vec<Self> {
        let (customer, site) = (network(address, 64), network(address, 48));
        vec![
            Self::new(Counted::AccountFromAddress, &[account.as_bytes(), customer.as_bytes()]),
            Self::new(Counted::Address, &[site.as_bytes()]),
            Self::new(Counted::Account, &[account.as_bytes()]),
        ]
    }

    /// What an attempt of a client counts for that has logged in to this account before.
    #[must_use]
    pub fn of_known_client(account: &str, client: &[u8]) -> Vec<Self> {
        vec![Self::new(Counted::KnownClient, &[account.as_bytes(), client])]
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digest
    }

    fn new(counted: Counted, parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new_with_prefix(format!("{counted:?}"));
        for part in parts {
            digest.update([0]);
            digest.update(part);
        }
        Self { counted, digest: digest.finalize().into() }
    }
}

/// A provider gives a customer an IPv4 address, or an IPv6 network whose first 64 bits are the same; a site may have all
/// networks of the same first 48 bits.
fn network(address: IpAddr, bits: u32) -> String {
    match address.to_canonical() {
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> (128 - bits)),
        IpAddr::V4(address) => address.to_string(),
    }
}

/// Whether a password may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted {
        /// How many attempts at the account were made since one succeeded, this one included.
        at_account: i64,
    },
    /// It may not before the pause is over.
    Locked {
        /// The end of the pause.
        until: Timestamp,
    },
}

impl Admission {
    /// Whether the owner of the account should hear of the attempts: at the 10th, the 100th, and so on.
    #[must_use]
    pub fn is_remarkable(self) -> bool {
        let Self::Admitted { at_account } = self else { return false };
        (1..=18).any(|power| 10_i64.checked_pow(power) == Some(at_account))
    }
}

/// The recent attempts of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Whose they are.
    pub subject: Subject,
    /// Attempts since the last successful one, as far as they are not forgotten; one whose password is still being checked
    /// counts.
    pub failures: i32,
    /// All attempts since the last successful one.
    pub tried: i64,
    /// No attempt is admitted before this time.
    pub locked_until: Timestamp,
    /// Since when the oldest of the failures fades.
    pub fades_since: Timestamp,
}

impl Attempts {
    /// The attempts as they count now. They fade however often others follow.
    #[must_use]
    pub fn faded(self, now: Timestamp) -> Self {
        let passed = (now - self.fades_since).to_std().unwrap_or_default().as_secs();
        let step = self.subject.counted.fades_in();
        let forgotten = i32::try_from(passed / step.as_secs()).unwrap_or(i32::MAX);
        if forgotten >= self.failures {
            return Self { failures: 0, fades_since: now, ..self };
        }
        let fades_since = self.fades_since + step * forgotten.unsigned_abs();
        Self { failures: self.failures - forgotten, fades_since, ..self }
    }
}

/// Asks for one more attempt for all of these subjects. It counts as failed until it succeeds, so that attempts made at the
/// same time cannot all slip through before the first has failed. One that is refused counts for nobody.
pub fn admit(subjects: &mut [Attempts], now: Timestamp) -> Admission {
    if let Some(until) = subjects.iter().map(|attempts| attempts.locked_until).max().filter(|until| *until > now) {
        return Admission::Locked { until };
    }
    let mut at_account = 0;
    for attempts in subjects {
        attempts.failures = attempts.failures.saturating_add(1);
        attempts.tried = attempts.tried.saturating_add(1);
        // Without a pause it lies far back: attempts at the same moment, by clocks that differ a little, are not locked.
        attempts.locked_until = match attempts.subject.counted.pause(attempts.failures) {
            Duration::ZERO => Timestamp::UNIX_EPOCH,
            pause => now + pause,
        };
        if matches!(attempts.subject.counted, Counted::Account | Counted::KnownClient) {
            at_account = attempts.tried;
        }
    }
    Admission::Admitted { at_account }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "ana@lamps.example";

    fn fresh(subjects: Vec<Subject>, now: Timestamp) -> Vec<Attempts> {
        subjects
            .into_iter()
            .map(|subject| Attempts { subject, failures: 0, tried: 0, locked_until: now, fades_since: now })
            .collect()
    }

    fn stranger(address: &str) -> Vec<Subject> {
        Subject::of_stranger(ACCOUNT, address.parse().unwrap())
    }

    #[test]
    fn ten_attempts_from_one_address_are_free_and_then_each_waits_twice_as_long() {
        let mut now = kernel::Clock::now();
        let mut attempts = fresh(stranger("192.0.2.1"), now);
        for number in 1..=10 {
            assert_eq!(admit(&mut attempts, now), Admission::Admitted { at_account: number });
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let before = attempts.clone();
            assert_eq!(admit(&mut attempts, now), Admission::Locked { until: now + Duration::from_secs(seconds) });
            assert_eq!(attempts, before, "a refused attempt counts for nobody");
            now += Duration::from_secs(seconds);
            assert!(matches!(admit(&mut attempts, now), Admission::Admitted { .. }));
        }
    }

    #[test]
    fn an_attempt_without_a_pause_locks_nobody_whose_clock_is_a_little_behind() {
        let now = kernel::Clock::now();
        let mut attempts = fresh(stranger("192.0.2.1"), Timestamp::UNIX_EPOCH);
        assert!(matches!(admit(&mut attempts, now), Admission::Admitted { .. }));
        let behind = now - Duration::from_millis(50);
        assert!(matches!(admit(&mut attempts, behind), Admission::Admitted { .. }));
    }

    #[test]
    fn guesses_from_everywhere_pause_an_account_for_half_a_minute_at_most() {
        let now = kernel::Clock::now();
        let account = stranger("192.0.2.1")[2];
        let mut attempts =
            vec![Attempts { subject: account, failures: 1_000_000, tried: 0, locked_until: now, fades_since: now }];
        assert!(matches!(admit(&mut attempts, now), Admission::Admitted { .. }));
        assert_eq!(attempts[0].locked_until, now + Duration::from_secs(30));
    }

    #[test]
    fn a_known_client_is_counted_apart_from_strangers_and_from_other_clients() {
        let known = Subject::of_known_client(ACCOUNT, b"one");
        assert_ne!(known, Subject::of_known_client(ACCOUNT, b"other"));
        for stranger in stranger("192.0.2.1") {
            assert!(!known.iter().any(|subject| subject.as_bytes() == stranger.as_bytes()));
        }
    }

    #[test]
    fn an_ipv6_customer_is_a_network_and_a_mapped_address_is_the_address() {
        assert_eq!(stranger("2001:db8::1")[1], stranger("2001:db8::ffff")[1]);
        assert_ne!(stranger("2001:db8::1")[0], stranger("2001:db8:0:1::1")[0]);
        assert_eq!(stranger("2001:db8::1")[1], stranger("2001:db8:0:1::1")[1], "a site of many networks");
        assert_ne!(stranger("2001:db8::1")[1], stranger("2001:db8:1::1")[1]);
        assert_eq!(stranger("::ffff:192.0.2.1")[1], stranger("192.0.2.1")[1]);
    }

    #[test]
    fn the_owner_hears_of_every_tenth_power() {
        let heard: Vec<i64> =
            (0..=2_000).filter(|at_account| Admission::Admitted { at_account: *at_account }.is_remarkable()).collect();
        assert_eq!(heard, [10, 100, 1_000]);
    }

    #[test]
    fn attempts_are_forgotten_in_time() {
        let now = kernel::Clock::now();
        let [pair, address, account] = stranger("192.0.2.1")[..] else { panic!("three subjects") };
        for (subject, hours, left) in [(pair, 3, 9), (address, 1, 0), (account, 1, 0), (pair, 1_000, 0)] {
            let failures = if subject == pair { 12 } else { 100 };
            let since = |then| Attempts { subject, failures, tried: 0, locked_until: now, fades_since: then };
            let then = now - Duration::from_secs(hours * 3_600);
            assert_eq!(since(then).faded(now).failures, left, "{:?} after {hours} h", subject.counted);
            assert_eq!(since(now).faded(now).failures, failures);
        }
    }

    #[test]
    fn attempts_are_forgotten_while_others_follow() {
        let mut now = kernel::Clock::now();
        let mut attempts = fresh(vec![stranger("192.0.2.1")[1]], now);
        for _ in 0..1_000 {
            attempts = attempts.into_iter().map(|attempts| attempts.faded(now)).collect();
            assert!(matches!(admit(&mut attempts, now), Admission::Admitted { .. }), "two a minute are no guessing");
            now += Duration::from_secs(40);
        }
        assert!(attempts[0].failures <= 2, "{}", attempts[0].failures);
    }

    #[test]
    fn no_number_of_attempts_breaks_the_arithmetic() {
        let now = kernel::Clock::now();
        for failures in [63, 64, 73, 74, 75, 1_000, i32::MAX] {
            let mut attempts = fresh(stranger("192.0.2.1"), now);
            attempts.iter_mut().for_each(|attempts| attempts.failures = failures);
            assert!(matches!(admit(&mut attempts, now), Admission::Admitted { .. }));
            assert!(attempts.iter().all(|attempts| attempts.locked_until <= now + Duration::from_secs(900)));
        }
    }
}
