//! How many pieces are ordered or moved. The rule: at least one, at most a million.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Malformed;

/// 1 to 1,000,000 pieces. JSON: a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

impl Quantity {
    /// The largest quantity.
    pub const MOST: i64 = 1_000_000;

    /// # Errors
    /// When it is less than 1 or more than [`Self::MOST`].
    pub fn new(pieces: i64) -> Result<Self, Malformed> {
        if (1..=Self::MOST).contains(&pieces) {
            Ok(Self(pieces))
        } else {
            Err(Malformed::new("quantity", "must be from 1 to 1000000"))
        }
    }

    /// The number of pieces.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum of the two.
    ///
    /// # Errors
    /// When that is more than [`Self::MOST`].
    pub fn checked_add(self, other: Self) -> Result<Self, Malformed> {
        Self::new(self.0 + other.0)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Malformed;

    fn try_from(pieces: i64) -> Result<Self, Malformed> {
        Self::new(pieces)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": Self::MOST})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_its_bounds() {
        for pieces in [i64::MIN, -1, 0, 1_000_001, i64::MAX] {
            assert!(Quantity::new(pieces).is_err(), "{pieces}");
        }
        assert_eq!(Quantity::new(1).unwrap().get(), 1);
        let most = Quantity::new(1_000_000).unwrap();
        assert!(most.checked_add(Quantity::new(1).unwrap()).is_err());
    }

    #[test]
    fn json_holds_them_too() {
        assert_eq!(serde_json::from_str::<Quantity>("7").unwrap().get(), 7);
        let refused = serde_json::from_str::<Quantity>("0").unwrap_err();
        assert!(refused.to_string().contains("must be from 1 to 1000000"), "{refused}");
        for wrong in ["1.5", "\"1\"", "null"] {
            assert!(serde_json::from_str::<Quantity>(wrong).is_err(), "{wrong}");
        }
    }
}
