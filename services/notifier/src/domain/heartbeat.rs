//! A message a day for whoever is to notice that nothing is told any more.
//! The rule: a day is told of once, whichever replica does it: the event of it follows from the day.

use chrono::{Datelike, NaiveTime};
use kernel::{Day, DestinationId, EventId, OrganisationId, TimeZone, Timestamp};
use uuid::Uuid;

use super::ClockTime;

/// A day that is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The destination; none for the chat of the configuration.
    pub destination: Option<DestinationId>,
    /// What stands for its event.
    pub event: EventId,
    /// The day.
    pub day: Day,
    /// When it began.
    pub begun: Timestamp,
    /// When it was over.
    pub over: Timestamp,
}

impl Heartbeat {
    /// The day before today, where it is time to tell of it: from `at` on by the clocks of the zone. None before.
    #[must_use]
    pub fn due(
        organisation: OrganisationId,
        destination: Option<DestinationId>,
        at: &ClockTime,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Option<Self> {
        let clock = zone.clock(now);
        if !at.has_come(clock) {
            return None;
        }
        let day = clock.date().pred_opt()?;
        let begins = |day: Day| zone.moment(day.and_time(NaiveTime::MIN));
        let number = u128::from(day.num_days_from_ce().unsigned_abs());
        let event = EventId::from_uuid(Uuid::from_u128(number));
        Some(Self { organisation, destination, event, day, begun: begins(day), over: begins(clock.date()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_of_from_its_time_on_with_one_event_and_by_the_clocks_there() {
        let utc = |day, hour, minute| {
            Day::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, minute, 0).unwrap().and_utc()
        };
        let (at, saigon) = (ClockTime::parse("08:00").unwrap(), TimeZone::parse("Asia/Ho_Chi_Minh").unwrap());
        let organisation = OrganisationId::new();
        let due = |now| Heartbeat::due(organisation, None, &at, &saigon, now);
        assert_eq!(due(utc(28, 0, 59)), None);
        let told = due(utc(28, 1, 0)).unwrap();
        assert_eq!(
            (told.day, told.begun, told.over),
            (Day::from_ymd_opt(2026, 11, 27).unwrap(), utc(26, 17, 0), utc(27, 17, 0))
        );
        assert_eq!(due(utc(28, 16, 59)), Some(told), "the same event all day");
        assert_ne!(due(utc(29, 2, 0)).unwrap().event, told.event);
    }
}
