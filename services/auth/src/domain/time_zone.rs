//! A time zone by its name in the IANA database.

use kernel::Malformed;

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
        text.parse::<chrono_tz::Tz>().map(|zone| Self(zone.name().to_owned())).map_err(unknown)
    }
}

impl Default for TimeZone {
    /// UTC.
    fn default() -> Self {
        Self(chrono_tz::UTC.name().to_owned())
    }
}

kernel::text!(TimeZone, {
    "type": "string",
    "minLength": 1, "maxLength": 64,
    "description": "A name of the IANA time zone database, such as Asia/Ho_Chi_Minh.",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_one_of_the_database() {
        assert_eq!(TimeZone::parse("Asia/Ho_Chi_Minh").unwrap().as_str(), "Asia/Ho_Chi_Minh");
        assert_eq!(TimeZone::default().as_str(), "UTC");
        for refused in ["", "Asia", "Mars/Base", "+07:00", "asia/ho_chi_minh"] {
            assert!(TimeZone::parse(refused).is_err(), "{refused}");
        }
    }
}
