//! The order in which the parts of a process stop, and how long each may take.
//! The rule: all stages together take less than `SHUTDOWN_SECONDS` by default.

use std::time::Duration;

/// When a part is stopped; all parts of one stage together, the stages one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Whatever takes requests: they are finished, no new ones are taken.
    Requests,
    /// Whatever takes events or runs by the clock: consumers, sweeps, senders.
    Consuming,
    /// Whatever publishes what the others left: the relay.
    Publishing,
    /// Whatever the others needed.
    Closing,
}

impl Stage {
    /// How long a part of this stage may take to stop before it is cut off. All stages together take less than
    /// `SHUTDOWN_SECONDS` by default, so that a stop which takes long in one stage still comes to the others.
    #[must_use]
    pub const fn limit(self) -> Duration {
        match self {
            // The HTTP servers give requests under way 15 seconds.
            Self::Requests => Duration::from_millis(15_500),
            Self::Consuming | Self::Publishing => Duration::from_secs(4),
            Self::Closing => Duration::from_secs(1),
        }
    }
}
