//! Time as the database keeps it. The rule: UTC with whole microseconds, so that what is read back equals what was
//! written.

use chrono::{DateTime, Utc};

/// A moment in UTC. JSON: RFC 3339.
pub type Timestamp = DateTime<Utc>;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// The current time, cut to whole microseconds.
    #[must_use]
    pub fn now() -> Timestamp {
        let now = Utc::now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn the_current_time_is_in_whole_microseconds() {
        for _ in 0..100 {
            assert_eq!(Clock::now().timestamp_subsec_nanos() % 1_000, 0);
        }
    }
}
