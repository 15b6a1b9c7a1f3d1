//! An amount of money in a body.
//! The rule: a wrong amount is reported even when its currency is wrong too.

use kernel::{Currency, Malformed, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::faults::{holds, parses};

/// An amount of money as clients write it.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub struct PriceBody {
    /// Decimal digits, at most as many after the point as the currency has, such as "1499.00".
    #[garde(custom(holds(self.amount())))]
    #[schemars(length(min = 1, max = 24))]
    amount: String,
    /// ISO 4217 code, such as "USD".
    #[garde(custom(parses(Currency::parse)))]
    #[schemars(with = "Currency")]
    currency: String,
}

impl PriceBody {
    /// The amount as a domain value.
    ///
    /// # Errors
    /// When it has not passed its garde rules.
    pub fn money(&self) -> Result<Money, Malformed> {
        Money::parse(&self.amount, Currency::parse(&self.currency)?)
    }

    fn amount(&self) -> Result<(), Malformed> {
        match Currency::parse(&self.currency) {
            Ok(currency) => Money::parse(&self.amount, currency).map(drop),
            Err(_) => Money::digits(&self.amount).map(drop),
        }
    }
}
