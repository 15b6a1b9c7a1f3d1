//! Deliberate faults, one at a time, that show whether the checker of the invariants notices them.
//! The rule it keeps: without the feature `on`, which only tests enable, and in a release build, every question is answered "no" when the program is built, and
//! no fault is in it.

use std::time::Duration;

use strum::{Display, EnumString, VariantArray};

/// The environment variable that names the fault which a process has.
pub const VARIABLE: &str = "MUTANT";

/// How long a fault waits for its process to be killed where it shows only then.
pub const PAUSE: Duration = Duration::from_secs(5);

/// A fault that message-driven services are known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Mutant {
    /// The relay reads on from the highest sequence that it has seen, and passes by what commits late.
    NaiveCursor,
    /// A consumer stores its offsets before the transaction.
    OffsetBeforeCommit,
    /// A consumer takes what it has taken before.
    InboxOff,
    /// Catalog reserves what is not there.
    UnconditionalReserve,
    /// The reply under an idempotency key is recorded after the commit.
    KeyElsewhere,
    /// Catalog releases whatever state the reservation is in.
    UnguardedRelease,
    /// A record's key is parked before its dead letter is written.
    LetterAfterCommit,
    /// The relay deletes rows that the broker has not confirmed.
    NoAcknowledgement,
    /// The deadline sweep knows only orders that were placed since its process started.
    TimerInMemory,
}

impl Mutant {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// Whether this process has the fault.
#[cfg(all(feature = "on", debug_assertions))]
#[must_use]
pub fn is_on(mutant: Mutant) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<Mutant>> =
        std::sync::LazyLock::new(|| std::env::var(VARIABLE).ok()?.parse().ok());
    *CHOSEN == Some(mutant)
}

/// Whether this process has the fault: none has, since they are not compiled in.
#[cfg(not(all(feature = "on", debug_assertions)))]
#[must_use]
pub const fn is_on(_: Mutant) -> bool {
    false
}
