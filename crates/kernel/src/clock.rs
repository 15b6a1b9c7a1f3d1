//! Time as the database keeps it. The rule: UTC with whole microseconds, so that what is read back equals what was
//! written.

use chrono::{DateTime, NaiveDate, Utc};

use crate::Malformed;

/// A moment in UTC. JSON: RFC 3339.
pub type Timestamp = DateTime<Utc>;

/// A day of the calendar. JSON: `YYYY-MM-DD`.
pub type Day = NaiveDate;

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

    /// Reads a time that a client wrote (RFC 3339), cut to whole microseconds.
    ///
    /// # Errors
    /// `Malformed` when it is not written like that; its year has four digits.
    pub fn parse(text: &str) -> Result<Timestamp, Malformed> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|time| DateTime::from_timestamp_micros(time.timestamp_micros()))
            .ok_or_else(|| Malformed::new("time", "must be a time as RFC 3339 writes it, such as 2026-01-31T09:30:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_time_is_read_as_rfc_3339_writes_it() {
        let read = |text| Clock::parse(text).map(|time| time.to_rfc3339());
        assert_eq!(read("2026-01-31T09:30:00.1234567+07:00").unwrap(), "2026-01-31T02:30:00.123456+00:00");
        for wrong in
            ["", "tomorrow", "2026-01-31", "2026-01-31T09:30:00", "+10000-01-01T00:00:00Z", "2026-13-01T00:00:00Z"]
        {
            assert!(Clock::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_current_time_is_in_whole_microseconds() {
        for _ in 0..100 {
            assert_eq!(Clock::now().timestamp_subsec_nanos() % 1_000, 0);
        }
    }
}
