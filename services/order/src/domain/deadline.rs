//! How long an order waits for catalog's answer. The rule: the time runs from the moment the placed event left the outbox,
//! because catalog cannot answer what it has not heard; a limit after placing bounds it all the same.

/// Seconds that an order may wait in the outbox before its deadline is looked at: nearly every event leaves at once.
const USUAL: f64 = 2.0;

/// The deadline of every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Seconds until an order without an answer is cancelled.
    pub seconds: u32,
    /// Seconds after placing beyond which nothing moves it.
    pub limit_seconds: u32,
}

impl Deadline {
    /// An order whose event waits and whose deadline is no more than so many seconds away gets a new one.
    #[must_use]
    pub fn ahead(self) -> f64 {
        let seconds = f64::from(self.seconds);
        seconds - USUAL.min(seconds / 2.0)
    }

    /// Seconds from now until that new deadline. It is more than a deadline's length, so that an order whose event waits for
    /// hours is written every few seconds and not in every sweep, and still has its full time when the event leaves.
    #[must_use]
    pub fn extension(self) -> f64 {
        let seconds = f64::from(self.seconds);
        // Catalog keeps what it holds for the deadline and a margin, so a long deadline grows by no more than a part of it.
        seconds + (seconds / 2.0).min(30.0)
    }
}
