//! The pieces that bodies of this service share, and how they become domain values.
//! The rule: a body holds bounded text; every faulty field is told at once.

use std::fmt::Write as _;

use kernel::{Currency, Money, Slug};
use rest::Faults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::product::ProductStatus;

/// An amount of money as clients write it.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceBody {
    /// Decimal text with at most the digits of the currency, such as `"1499.00"`.
    #[garde(length(bytes, min = 1, max = 24))]
    amount: String,
    /// ISO 4217.
    #[garde(length(bytes, min = 3, max = 3))]
    currency: String,
}

impl PriceBody {
    /// The amount; what is wrong is noted under `field`.
    pub(super) fn money(&self, faults: &mut Faults, field: &str) -> Option<Money> {
        let currency = faults.take(format!("{field}.currency"), Currency::parse(&self.currency))?;
        faults.take(format!("{field}.amount"), Money::parse(&self.amount, currency))
    }
}

/// What a client may set a status to.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StatusBody {
    /// Not sold yet.
    Draft,
    /// Sold.
    Active,
}

impl From<StatusBody> for ProductStatus {
    fn from(status: StatusBody) -> Self {
        match status {
            StatusBody::Draft => ProductStatus::Draft,
            StatusBody::Active => ProductStatus::Active,
        }
    }
}

/// The slug that a title suggests: its ASCII letters and digits, hyphens for the rest. None when nothing is left.
pub(super) fn suggested_slug(title: &str) -> Option<Slug> {
    let mut slug = String::new();
    for letter in title.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 64 {
            break;
        }
    }
    Slug::parse(slug.trim_end_matches('-')).ok()
}

/// A path segment in which nothing is special.
pub(super) fn segment(text: &str) -> String {
    let mut segment = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => segment.push(char::from(byte)),
            // Writing to a String does not fail.
            other => drop(write!(segment, "%{other:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_suggests_a_slug() {
        assert_eq!(suggested_slug("Lamp (Black), 40 cm").unwrap().as_str(), "lamp-black-40-cm");
        assert!(suggested_slug(&"long ".repeat(40)).unwrap().as_str().len() <= 64);
        assert_eq!(suggested_slug("木"), None);
    }

    #[test]
    fn a_sku_in_a_path_is_escaped() {
        assert_eq!(segment("A-1/2%"), "A-1%2F2%25");
    }
}
