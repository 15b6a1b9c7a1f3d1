//! The pieces that bodies of this service share, and how they become domain values.
//! The rule: a body says what a client may say, no more than the domain takes.

use std::fmt::Write as _;

use kernel::{Malformed, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::product::ProductStatus;

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

/// The slug that a title suggests: its ASCII letters and digits, hyphens for the rest. Refused when nothing is left.
pub(super) fn suggested_slug(title: &str) -> Result<Slug, Malformed> {
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
    let needed = "is needed, since the title has no ASCII letter or digit to make one from";
    Slug::parse(slug.trim_end_matches('-')).map_err(|_| Malformed::new("slug", needed))
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
        assert!(suggested_slug("木").unwrap_err().reason().starts_with("is needed"));
    }

    #[test]
    fn a_sku_in_a_path_is_escaped() {
        assert_eq!(segment("A-1/2%"), "A-1%2F2%25");
    }
}
