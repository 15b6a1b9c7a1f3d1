//! Money: whole minor units of one currency, never negative. The rule: no floats, and what does not fit is an error,
//! never a wrap.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Currency, Malformed, Quantity, SignedMoney};

/// 19 digits of `i64`, a point, and room for a few leading zeros.
const LONGEST_AMOUNT: usize = 24;

/// An amount of one currency, from zero to `i64::MAX` minor units. JSON: `{"amount": "1499.00", "currency": "USD"}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// From minor units (cents), as the database keeps them.
    ///
    /// # Errors
    /// When the amount is negative.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, Malformed> {
        if minor < 0 {
            return Err(Malformed::new("amount", "must not be negative"));
        }
        Ok(Self { minor, currency })
    }

    /// From decimal digits with at most one point: "1499", "1499.5", "1499.00".
    ///
    /// # Errors
    /// When it is not written like that, has more digits after the point than the currency, or is too large.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, Malformed> {
        let (whole, fraction) = Self::digits(amount)?;
        let digits = currency.exponent() as usize;
        if fraction.len() > digits {
            return Err(Malformed::new(
                "amount",
                format!("has {} digits after the point, but {currency} has {digits}", fraction.len()),
            ));
        }
        format!("{whole}{fraction:0<digits$}")
            .parse()
            .map(|minor| Self { minor, currency })
            .map_err(|_| Malformed::new("amount", "is too large"))
    }

    /// The digits before and after the point: all that can be checked of an amount while its currency is unknown.
    ///
    /// # Errors
    /// When it is not plain decimal digits, or longer than the largest amount of any currency.
    pub fn digits(amount: &str) -> Result<(&str, &str), Malformed> {
        let plain = || Malformed::new("amount", "must be plain decimal digits, such as \"1499.00\"");
        if amount.len() > LONGEST_AMOUNT {
            return Err(Malformed::new("amount", "is too large"));
        }
        let (whole, fraction) = match amount.split_once('.') {
            Some((_, "")) => return Err(plain()),
            Some(parts) => parts,
            None => (amount, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(plain());
        }
        Ok((whole, fraction))
    }

    /// The whole amount in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Its currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount as in JSON, with all the currency's digits: "1499.00".
    #[must_use]
    pub fn amount(self) -> String {
        SignedMoney::from(self).amount()
    }

    /// The sum of the two.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, Malformed> {
        if self.currency != other.currency {
            return Err(Malformed::new(
                "amount",
                format!("in {} cannot be added to one in {}", other.currency, self.currency),
            ));
        }
        let minor = self.minor.checked_add(other.minor).ok_or_else(|| Malformed::new("amount", "is too large"))?;
        Ok(Self { minor, ..self })
    }

    /// The price of so many pieces.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn checked_multiply(self, quantity: Quantity) -> Result<Self, Malformed> {
        let minor = self.minor.checked_mul(quantity.get()).ok_or_else(|| Malformed::new("amount", "is too large"))?;
        Ok(Self { minor, ..self })
    }

    /// The sum of many, zero when there are none.
    ///
    /// # Errors
    /// When one is in another currency or the sum does not fit.
    pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, Malformed> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An amount as it stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written<'a> {
    pub(crate) amount: Cow<'a, str>,
    pub(crate) currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { amount: self.amount().into(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Self::parse(&written.amount, written.currency).map_err(de::Error::custom)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let currency = generator.subschema_for::<Currency>();
        json_schema!({
            "type": "object",
            "required": ["amount", "currency"],
            "additionalProperties": false,
            "properties": {
                "amount": {"type": "string", "pattern": "^[0-9]{1,19}([.][0-9]{1,3})?$", "examples": ["1499.00"]},
                "currency": currency,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn money(amount: &str, code: &str) -> Money {
        Money::parse(amount, currency(code)).unwrap()
    }

    #[test]
    fn the_exponent_of_the_currency_decides_the_minor_units() {
        assert_eq!(money("1499", "VND").minor(), 1_499);
        assert_eq!(money("1499.5", "USD").minor(), 149_950);
        assert_eq!(money("1499.05", "USD").minor(), 149_905);
        assert_eq!(money("0.005", "KWD").minor(), 5);
    }

    #[test]
    fn it_is_written_with_all_digits_of_its_currency() {
        assert_eq!(money("0.5", "USD").amount(), "0.50");
        assert_eq!(money("0", "USD").amount(), "0.00");
        assert_eq!(money("150000", "VND").amount(), "150000");
        assert_eq!(money("1.02", "KWD").amount(), "1.020");
        assert_eq!(Money::from_minor(i64::MAX, currency("USD")).unwrap().amount(), "92233720368547758.07");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for amount in [
            "", ".", ".5", "5.", "-1", "+1", "1,5", "1 000", "1e3", "0x10", "1.5.0", "٣", "NaN", "1.-5", "1.+5", " 1",
            "1\n",
        ] {
            assert!(Money::parse(amount, currency("USD")).is_err(), "{amount:?}");
        }
        assert!(Money::from_minor(-1, currency("USD")).is_err());
    }

    #[test]
    fn more_digits_than_the_currency_has_are_refused_and_not_rounded() {
        assert_eq!(
            Money::parse("1.005", currency("USD")).unwrap_err().to_string(),
            "amount has 3 digits after the point, but USD has 2"
        );
        assert!(Money::parse("1.0", currency("VND")).is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let largest = Money::from_minor(i64::MAX, currency("USD")).unwrap();
        assert!(Money::parse("92233720368547758.08", currency("USD")).is_err());
        assert!(Money::parse(&"9".repeat(10_000), currency("USD")).is_err());
        assert!(largest.checked_add(money("0.01", "USD")).is_err());
        assert!(largest.checked_multiply(Quantity::new(2).unwrap()).is_err());
        assert_eq!(largest.checked_multiply(Quantity::new(1).unwrap()).unwrap(), largest);
    }

    #[test]
    fn currencies_do_not_mix() {
        assert_eq!(
            money("1", "USD").checked_add(money("1", "VND")).unwrap_err().to_string(),
            "amount in VND cannot be added to one in USD"
        );
        assert!(Money::total(currency("USD"), [money("1", "USD"), money("1", "EUR")]).is_err());
        assert_eq!(Money::total(currency("USD"), []).unwrap(), Money::zero(currency("USD")));
    }

    #[test]
    fn json_takes_text_and_nothing_else() {
        assert_eq!(serde_json::to_string(&money("1499", "USD")).unwrap(), r#"{"amount":"1499.00","currency":"USD"}"#);
        for wrong in [
            r#"{"amount":1499.0,"currency":"USD"}"#,
            r#"{"amount":"-1","currency":"USD"}"#,
            r#"{"amount":"1","currency":"usd"}"#,
            r#"{"amount":"1","currency":"USD","tax":"1"}"#,
            r#"{"amount":"1"}"#,
            r#""1 USD""#,
        ] {
            assert!(serde_json::from_str::<Money>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_and_json_lead_back_to_the_same_amount(minor in 0..=i64::MAX, code in "(VND|USD|KWD)") {
            let money = Money::from_minor(minor, currency(&code)).unwrap();
            prop_assert_eq!(Money::parse(&money.amount(), money.currency()).unwrap(), money);
            prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
        }

        #[test]
        fn arithmetic_agrees_with_wider_numbers_or_refuses(left in 0..=i64::MAX, right in 0..=i64::MAX, many in 1..=1_000_000_i64) {
            let usd = currency("USD");
            let (one, other) = (Money::from_minor(left, usd).unwrap(), Money::from_minor(right, usd).unwrap());
            let expected = i64::try_from(i128::from(left) + i128::from(right)).ok();
            prop_assert_eq!(one.checked_add(other).ok().map(Money::minor), expected);
            let expected = i64::try_from(i128::from(left) * i128::from(many)).ok();
            prop_assert_eq!(one.checked_multiply(Quantity::new(many).unwrap()).ok().map(Money::minor), expected);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = Money::parse(&text, currency("USD"));
        }
    }
}
