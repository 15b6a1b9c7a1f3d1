//! When a destination is told: at once, in the quiet of the night not, or together by the clock.
//! The rule: what is critical is told at once, and what waits for the clock waits for a moment that comes.

use chrono::{DurationRound, NaiveDateTime, NaiveTime, TimeDelta};
use kernel::{Malformed, TimeZone, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time on a clock, in hours and minutes: `22:00`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClockTime(String);

impl ClockTime {
    /// Reads a time as `hh:mm`.
    ///
    /// # Errors
    /// When it is not written like that.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match NaiveTime::parse_from_str(text, FORM) {
            Ok(time) if time.format(FORM).to_string() == text => Ok(Self(text.to_owned())),
            _ => Err(Malformed::new("time", "must be hours and minutes, such as 08:00 or 22:30")),
        }
    }

    /// Whether the clocks have shown it today, when they show this now.
    #[must_use]
    pub fn has_come(&self, clock: NaiveDateTime) -> bool {
        clock.time() >= self.time()
    }

    fn time(&self) -> NaiveTime {
        // Every value was read in this form.
        NaiveTime::parse_from_str(&self.0, FORM).unwrap_or(NaiveTime::MIN)
    }

    /// The first moment after `after` at which the clocks of the zone show it.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Timestamp {
        let today = zone.clock(after).date();
        let on = |day: chrono::NaiveDate| zone.moment(day.and_time(self.time()));
        let days = [Some(today), today.succ_opt()];
        days.into_iter().flatten().map(on).find(|at| *at > after).unwrap_or(after + TimeDelta::days(1))
    }
}

const FORM: &str = "%H:%M";

kernel::text!(ClockTime, {
    "type": "string",
    "minLength": 5, "maxLength": 5,
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
    "description": "A time on the clocks of the destination's time zone: hours and minutes.",
});

/// Hours in which only what is critical is told. They may go over midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quiet {
    /// When they begin.
    from: ClockTime,
    /// When they end, and what waited is told.
    until: ClockTime,
}

impl Quiet {
    /// The hours between two times.
    ///
    /// # Errors
    /// When both are the same: that would be all day or no time at all.
    pub fn new(from: ClockTime, until: ClockTime) -> Result<Self, Malformed> {
        if from == until {
            return Err(Malformed::new("quiet time", "must end at another time than it begins"));
        }
        Ok(Self { from, until })
    }

    /// When the quiet hours end that include this moment; none where none do. They last from the moment at which the clocks show their
    /// beginning to the one at which they show their end, each the first of two where clocks are put back.
    fn end(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.clock(at).date();
        let of = |day: chrono::NaiveDate| {
            let last = if self.from.time() < self.until.time() { Some(day) } else { day.succ_opt() };
            let moment = |day: chrono::NaiveDate, time: &ClockTime| zone.moment(day.and_time(time.time()));
            Some((moment(day, &self.from), moment(last?, &self.until)))
        };
        let days = [today.pred_opt(), Some(today)];
        days.into_iter()
            .flatten()
            .filter_map(of)
            .find(|(from, until)| *from <= at && at < *until)
            .map(|(_, until)| until)
    }
}

/// What happens is told together, by the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// At each full multiple of so many minutes of UTC, 1 to 1,440.
    EveryMinutes(u16),
    /// Once a day.
    DailyAt(ClockTime),
}

impl Digest {
    /// The most minutes between two digests: a day.
    pub const MOST_MINUTES: u16 = 1_440;

    /// One digest every so many minutes, or one a day.
    ///
    /// # Errors
    /// Unless exactly one of both is said, and the minutes are 1 to 1,440.
    pub fn new(every_minutes: Option<u16>, daily_at: Option<ClockTime>) -> Result<Self, Malformed> {
        match (every_minutes, daily_at) {
            (Some(minutes @ 1..=Self::MOST_MINUTES), None) => Ok(Self::EveryMinutes(minutes)),
            (Some(_), None) => Err(Malformed::new("digest", "must come every 1 to 1440 minutes")),
            (None, Some(at)) => Ok(Self::DailyAt(at)),
            (Some(_), Some(_)) | (None, None) => {
                Err(Malformed::new("digest", "must have either every_minutes or daily_at"))
            }
        }
    }

    fn next(&self, after: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::EveryMinutes(minutes) => next_multiple(after, TimeDelta::minutes(i64::from(*minutes))),
            Self::DailyAt(at) => at.next(after, zone),
        }
    }
}

/// When what is not critical may be told of what is heard of now; none for at once.
pub(super) fn due(
    quiet: Option<&Quiet>,
    digest: Option<&Digest>,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let at = digest.map_or(now, |digest| digest.next(now, zone));
    let at = quiet.and_then(|quiet| quiet.end(at, zone)).unwrap_or(at);
    (at > now).then_some(at)
}

/// The end of the minute, when a flood is summed up.
#[must_use]
pub fn end_of_minute(now: Timestamp) -> Timestamp {
    next_multiple(now, TimeDelta::minutes(1))
}

fn next_multiple(after: Timestamp, step: TimeDelta) -> Timestamp {
    after.duration_trunc(step).map_or(after, |before| before + step)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn time(text: &str) -> ClockTime {
        ClockTime::parse(text).unwrap()
    }

    /// A time of UTC on a day of November 2026.
    fn utc(day: u32, hour: u32, minute: u32) -> Timestamp {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, minute, 0).unwrap().and_utc()
    }

    fn saigon() -> TimeZone {
        TimeZone::parse("Asia/Ho_Chi_Minh").unwrap()
    }

    #[test]
    fn a_time_has_hours_and_minutes() {
        assert_eq!(time("08:05").as_str(), "08:05");
        for refused in ["", "8:05", "08:5", "24:00", "08:60", "08:05:00", "noon", "+8:05"] {
            assert!(ClockTime::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn in_quiet_hours_it_is_told_at_their_end_also_over_midnight() {
        let night = Quiet::new(time("22:00"), time("07:00")).unwrap();
        let told = |now| due(Some(&night), None, now, &saigon());
        // 22:00 to 07:00 there is 15:00 to 00:00 here.
        assert_eq!(told(utc(27, 14, 59)), None);
        assert_eq!(told(utc(27, 15, 0)), Some(utc(28, 0, 0)));
        assert_eq!(told(utc(27, 23, 59)), Some(utc(28, 0, 0)));
        assert_eq!(told(utc(28, 0, 0)), None);
        let noon = Quiet::new(time("12:00"), time("13:00")).unwrap();
        let told = |now| due(Some(&noon), None, now, &TimeZone::default());
        assert_eq!(
            (told(utc(27, 12, 30)), told(utc(27, 13, 0)), told(utc(27, 11, 59))),
            (Some(utc(27, 13, 0)), None, None)
        );
        assert!(Quiet::new(time("12:00"), time("12:00")).is_err());
    }

    #[test]
    fn quiet_hours_that_end_within_the_hour_that_clocks_show_twice_end_once() {
        // Clocks in Berlin are put back on 25 October 2026 from 03:00 to 02:00, which is at 01:00 UTC.
        let berlin = TimeZone::parse("Europe/Berlin").unwrap();
        let utc = |day, hour, minute| {
            NaiveDate::from_ymd_opt(2026, 10, day).unwrap().and_hms_opt(hour, minute, 0).unwrap().and_utc()
        };
        let night = Quiet::new(time("22:00"), time("02:30")).unwrap();
        let told = |now| due(Some(&night), None, now, &berlin);
        assert_eq!(told(utc(25, 0, 15)), Some(utc(25, 0, 30)));
        assert_eq!(told(utc(25, 0, 30)), None, "they are over");
        assert_eq!(told(utc(25, 1, 15)), None, "02:15 is shown again, and they have been over for long");
        assert_eq!(told(utc(25, 21, 0)), Some(utc(26, 1, 30)), "the next night");
        // They begin with the first of two times, too, and are an hour longer.
        let morning = Quiet::new(time("02:30"), time("04:00")).unwrap();
        let told = |now| due(Some(&morning), None, now, &berlin);
        for now in [utc(25, 0, 30), utc(25, 1, 15), utc(25, 2, 59)] {
            assert_eq!(told(now), Some(utc(25, 3, 0)), "{now}");
        }
        // In spring 02:30 never comes; it counts as 03:30.
        let spring = |hour, minute| {
            NaiveDate::from_ymd_opt(2026, 3, 29).unwrap().and_hms_opt(hour, minute, 0).unwrap().and_utc()
        };
        assert_eq!(due(Some(&night), None, spring(1, 15), &berlin), Some(spring(1, 30)));
        assert_eq!(due(Some(&night), None, spring(1, 30), &berlin), None);
    }

    #[test]
    fn a_digest_comes_at_its_next_time_and_never_in_quiet_hours() {
        let half_hourly = Digest::new(Some(30), None).unwrap();
        let told = |digest: &Digest, now| due(None, Some(digest), now, &saigon());
        assert_eq!(told(&half_hourly, utc(27, 9, 0)), Some(utc(27, 9, 30)));
        assert_eq!(told(&half_hourly, utc(27, 9, 31)), Some(utc(27, 10, 0)));
        let daily = Digest::new(None, Some(time("08:00"))).unwrap();
        assert_eq!(told(&daily, utc(27, 0, 59)), Some(utc(27, 1, 0)));
        assert_eq!(told(&daily, utc(27, 1, 0)), Some(utc(28, 1, 0)));
        let night = Quiet::new(time("22:00"), time("07:00")).unwrap();
        assert_eq!(due(Some(&night), Some(&half_hourly), utc(27, 14, 45), &saigon()), Some(utc(28, 0, 0)));
        for (minutes, at) in [(None, None), (Some(0), None), (Some(1_441), None), (Some(5), Some(time("08:00")))] {
            assert!(Digest::new(minutes, at).is_err());
        }
    }

    #[test]
    fn rules_of_the_clock_are_stored_in_one_form() {
        let stored = r#"{"from":"22:00","until":"07:00"}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Quiet>(stored).unwrap()).unwrap(), stored);
        for stored in [r#"{"every_minutes":30}"#, r#"{"daily_at":"08:00"}"#] {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Digest>(stored).unwrap()).unwrap(), stored);
        }
    }

    #[test]
    fn a_minute_ends_after_now() {
        assert_eq!(end_of_minute(utc(27, 9, 0)), utc(27, 9, 1));
        assert_eq!(end_of_minute(utc(27, 9, 0) + TimeDelta::seconds(59)), utc(27, 9, 1));
    }
}
