//! A name that stands in an address: lower-case letters, digits and hyphens.

use crate::Malformed;

/// 1 to 64 of `a` to `z`, `0` to `9` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    const RULE: &'static str = "must be 1 to 64 lower-case letters, digits or hyphens";

    /// # Errors
    /// When it is empty, longer than 64 characters, or has another character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("slug", Self::RULE))
        }
    }
}

crate::text::implement!(Slug, "Slug", "^[a-z0-9-]{1,64}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_its_rule() {
        for text in ["a", "lamps-2026", "0", "-"] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        let longer = "x".repeat(65);
        for text in ["", "A", "a b", "ä", "a_b", "a/b", "..", &longer] {
            assert!(Slug::parse(text).is_err(), "{text:?}");
        }
    }
}
