//! The Bot API's limits: about one message per second and chat with short bursts, 30 per second over all chats.

use std::time::{Duration, Instant};

/// A limit of messages per time (GCRA): all that it keeps is when the next message is due at the steady rate.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    interval: Duration,
    tolerance: Duration,
    due: Option<Instant>,
}

impl Bucket {
    /// Allows `burst` messages at once, then one per `interval`.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, tolerance: interval * burst.saturating_sub(1), due: None }
    }

    /// How long until the next message is allowed; zero when it is allowed now.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now).saturating_sub(self.tolerance))
    }

    /// Counts one message.
    pub(super) fn take(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_one_waits_a_second() {
        let mut bucket = Bucket::new(Duration::from_secs(1), 3);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(bucket.wait(now), Duration::ZERO);
            bucket.take(now);
        }
        assert_eq!(bucket.wait(now), Duration::from_secs(1));
        assert_eq!(bucket.wait(now + Duration::from_secs(1)), Duration::ZERO);
    }
}
