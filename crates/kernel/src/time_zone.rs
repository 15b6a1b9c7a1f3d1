//! A time zone by its name in the IANA database, and the clocks there.
//! The rule: every time on a clock there is one moment, also where the clocks are put forward or back.

use chrono::{LocalResult, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::{Malformed, Timestamp};

/// A name of the IANA time zone database: "Asia/Ho_Chi_Minh".
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// Checks a name; the database spells it.
    ///
    /// # Errors
    /// `Malformed` when the database has no such name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let unknown = |_| Malformed::new("time zone", "must be a name of the IANA database, such as Asia/Ho_Chi_Minh");
        text.parse::<Tz>().map(|zone| Self(zone.name().to_owned())).map_err(unknown)
    }

    /// What the clocks there show at a moment.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> NaiveDateTime {
        at.with_timezone(&self.rules()).naive_local()
    }

    /// The moment at which the clocks there show this. Of two, as when they are put back, it is the first; a time that they
    /// pass over counts from the offset before.
    #[must_use]
    pub fn moment(&self, clock: NaiveDateTime) -> Timestamp {
        let zone = self.rules();
        match zone.from_local_datetime(&clock) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
            LocalResult::None => {
                let day = TimeDelta::days(1);
                zone.from_local_datetime(&(clock - day))
                    .earliest()
                    .map_or(clock.and_utc(), |at| at.with_timezone(&Utc) + day)
            }
        }
    }

    fn rules(&self) -> Tz {
        // Every value was parsed, so the database has it.
        self.0.parse().unwrap_or(Tz::UTC)
    }
}

impl Default for TimeZone {
    /// UTC.
    fn default() -> Self {
        Self(Tz::UTC.name().to_owned())
    }
}

crate::text!(TimeZone, {
    "type": "string",
    "minLength": 1, "maxLength": 64,
    "description": "A name of the IANA time zone database, such as Asia/Ho_Chi_Minh.",
});

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn on(month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
    }

    #[test]
    fn a_time_zone_is_one_of_the_database() {
        assert_eq!(TimeZone::parse("Asia/Ho_Chi_Minh").unwrap().as_str(), "Asia/Ho_Chi_Minh");
        assert_eq!(TimeZone::default().as_str(), "UTC");
        for refused in ["", "Asia", "Mars/Base", "+07:00", "asia/ho_chi_minh"] {
            assert!(TimeZone::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_clocks_of_a_zone_are_read_and_found_again() {
        let saigon = TimeZone::parse("Asia/Ho_Chi_Minh").unwrap();
        let at = on(11, 27, 17, 30).and_utc();
        assert_eq!(saigon.clock(at), on(11, 28, 0, 30));
        assert_eq!(saigon.moment(on(11, 28, 0, 30)), at);
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_or_never_is_one_moment() {
        let berlin = TimeZone::parse("Europe/Berlin").unwrap();
        // Put forward on 29 March at 02:00, put back on 25 October at 03:00.
        assert_eq!(berlin.moment(on(3, 29, 2, 30)), on(3, 29, 1, 30).and_utc());
        assert_eq!(berlin.clock(berlin.moment(on(3, 29, 2, 30))), on(3, 29, 3, 30));
        assert_eq!(berlin.moment(on(10, 25, 2, 30)), on(10, 25, 0, 30).and_utc());
    }
}
