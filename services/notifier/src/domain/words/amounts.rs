//! Numbers, amounts of money and times as the people of a language write them.
//! The rule: an amount has the decimals that its currency has, whatever the language.

use kernel::{Money, TimeZone, Timestamp};

use super::super::Language;

/// `1,499.00 USD` and `1,499,000 VND` in English, `1.499,00 USD` and `1.499.000 ₫` in Vietnamese.
pub(super) fn money(money: &Money, language: Language) -> String {
    let exponent = usize::try_from(money.currency().exponent()).unwrap_or(0);
    let digits = format!("{:0>width$}", money.minor(), width = exponent + 1);
    let (whole, decimals) = digits.split_at(digits.len() - exponent);
    let (point, sign) = match (language, money.currency().code()) {
        (Language::En, code) => (".", code),
        (Language::Vi, "VND") => (",", "₫"),
        (Language::Vi, code) => (",", code),
    };
    let point = if decimals.is_empty() { "" } else { point };
    format!("{}{point}{decimals} {sign}", grouped_digits(whole, language))
}

/// `2,000` in English, `2.000` in Vietnamese.
pub(super) fn number(number: u64, language: Language) -> String {
    grouped_digits(&number.to_string(), language)
}

/// A number that may be negative.
pub(super) fn signed(number: i64, language: Language) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", self::number(number.unsigned_abs(), language))
}

/// The time on the clocks of a zone, with its day where that is not the day of `now`.
pub(super) fn time(at: Timestamp, now: Timestamp, zone: &TimeZone, language: Language) -> String {
    let (clock, today) = (zone.clock(at), zone.clock(now).date());
    let form = match language {
        _ if clock.date() == today => "%H:%M",
        Language::En => "%-d %b %H:%M",
        Language::Vi => "%H:%M %-d/%-m",
    };
    clock.format(form).to_string()
}

fn grouped_digits(digits: &str, language: Language) -> String {
    let between = match language {
        Language::En => ',',
        Language::Vi => '.',
    };
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(between);
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use kernel::Currency;

    use super::*;

    fn amount(minor: i64, currency: &str, language: Language) -> String {
        money(&Money::from_minor(minor, Currency::parse(currency).unwrap()).unwrap(), language)
    }

    #[test]
    fn money_is_grouped_and_has_the_decimals_of_its_currency() {
        for (minor, currency, english, vietnamese) in [
            (1_499_000, "VND", "1,499,000 VND", "1.499.000 ₫"),
            (30_000, "VND", "30,000 VND", "30.000 ₫"),
            (149_900, "USD", "1,499.00 USD", "1.499,00 USD"),
            (5, "USD", "0.05 USD", "0,05 USD"),
            (0, "USD", "0.00 USD", "0,00 USD"),
            (123_456_789_012, "USD", "1,234,567,890.12 USD", "1.234.567.890,12 USD"),
        ] {
            assert_eq!(amount(minor, currency, Language::En), english);
            assert_eq!(amount(minor, currency, Language::Vi), vietnamese);
        }
        assert_eq!((signed(-2_000, Language::Vi), signed(-20, Language::En)), ("-2.000".to_owned(), "-20".to_owned()));
    }

    #[test]
    fn a_time_is_that_of_the_zone_and_has_its_day_where_that_is_another() {
        let at = |hour, day| chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, 5, 0).unwrap();
        let saigon = TimeZone::parse("Asia/Ho_Chi_Minh").unwrap();
        let now = at(2, 28).and_utc();
        assert_eq!(time(at(1, 28).and_utc(), now, &saigon, Language::En), "08:05");
        assert_eq!(time(at(17, 27).and_utc(), now, &saigon, Language::Vi), "00:05");
        assert_eq!(time(at(16, 27).and_utc(), now, &saigon, Language::En), "27 Nov 23:05");
        assert_eq!(time(at(16, 27).and_utc(), now, &saigon, Language::Vi), "23:05 27/11");
    }
}
