//! An amount of money with a sign: what a change adds to a sum, or takes away from it. The rule: amounts of changes add up to the
//! change of their sum, exactly.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::money::Written;
use crate::{Currency, Malformed, Money};

/// A signed amount of one currency in whole minor units. JSON: `{"amount": "-14.99", "currency": "USD"}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignedMoney {
    minor: i64,
    currency: Currency,
}

impl SignedMoney {
    /// From minor units (cents).
    ///
    /// # Errors
    /// When it is the one number whose opposite cannot be written.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, Malformed> {
        if minor == i64::MIN {
            return Err(Malformed::new("amount", "is too large"));
        }
        Ok(Self { minor, currency })
    }

    /// The whole amount in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of its minor units.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The same amount with the other sign.
    #[must_use]
    pub const fn opposite(self) -> Self {
        Self { minor: -self.minor, ..self }
    }

    /// The amount as in JSON, with all the currency's digits: "-14.99".
    #[must_use]
    pub fn amount(self) -> String {
        let digits = self.currency.exponent();
        let (sign, minor, unit) =
            (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs(), 10_u64.pow(digits));
        match digits {
            0 => format!("{sign}{minor}"),
            _ => format!("{sign}{}.{:0width$}", minor / unit, minor % unit, width = digits as usize),
        }
    }
}

impl From<Money> for SignedMoney {
    fn from(money: Money) -> Self {
        Self { minor: money.minor(), currency: money.currency() }
    }
}

impl fmt::Display for SignedMoney {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for SignedMoney {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for SignedMoney {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { amount: self.amount().into(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignedMoney {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let (sign, digits) = match written.amount.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, &*written.amount),
        };
        let size = Money::parse(digits, written.currency).map_err(de::Error::custom)?;
        Ok(Self { minor: sign * size.minor(), currency: written.currency })
    }
}

impl JsonSchema for SignedMoney {
    fn schema_name() -> Cow<'static, str> {
        "SignedMoney".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let currency = generator.subschema_for::<Currency>();
        json_schema!({
            "type": "object",
            "required": ["amount", "currency"],
            "additionalProperties": false,
            "properties": {
                "amount": {"type": "string", "pattern": "^-?[0-9]{1,19}([.][0-9]{1,3})?$", "examples": ["-14.99"]},
                "currency": currency,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(minor: i64, code: &str) -> SignedMoney {
        SignedMoney::from_minor(minor, Currency::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn it_is_written_with_its_sign_and_all_digits_of_its_currency() {
        for (minor, code, text) in [(-5, "USD", "-0.05"), (-1_499, "VND", "-1499"), (1_020, "KWD", "1.020")] {
            assert_eq!(signed(minor, code).amount(), text);
        }
        assert!(SignedMoney::from_minor(i64::MIN, Currency::parse("USD").unwrap()).is_err());
        let doubled: Result<SignedMoney, _> = serde_json::from_str(r#"{"amount": "--1", "currency": "USD"}"#);
        assert!(doubled.is_err());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(minor in -i64::MAX..=i64::MAX, code in prop::sample::select(vec!["USD", "VND", "KWD"])) {
            let written = serde_json::to_string(&signed(minor, code)).unwrap();
            prop_assert_eq!(serde_json::from_str::<SignedMoney>(&written).unwrap(), signed(minor, code));
        }
    }
}
