//! Time as the database keeps it: UTC with microseconds, so that what is read back equals what was written.

use chrono::{DateTime, Utc};

/// A moment in UTC. JSON: RFC 3339.
pub type Timestamp = DateTime<Utc>;

/// Where the present comes from.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// The present, cut to whole microseconds.
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
    fn the_present_has_no_more_than_microseconds() {
        for _ in 0..100 {
            assert_eq!(Clock::now().timestamp_subsec_nanos() % 1_000, 0);
        }
    }
}
