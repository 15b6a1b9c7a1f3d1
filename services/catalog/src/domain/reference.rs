//! What other systems call a product or a variant. The rule: one reference per system.

use std::collections::BTreeMap;

use kernel::Malformed;

use super::wording::line;

/// The name of another system: 1 to 40 lower-case letters, digits, hyphens and underscores, a letter first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemName(String);

impl SystemName {
    /// Checks the name of a system.
    ///
    /// # Errors
    /// When it is not written like that.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if begins && text.len() <= 40 && text.bytes().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            let reason = "must be 1 to 40 lower-case letters, digits, hyphens and underscores, a letter first";
            Err(Malformed::new("system", reason))
        }
    }
}

kernel::text!(SystemName, {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,39}$"});

/// What a system calls a thing: 1 to 200 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// The longest reference, in characters.
    pub const LIMIT: usize = 200;

    /// Trims and checks a reference.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("reference", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Reference, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// What other systems call a thing, by the system.
pub type References = BTreeMap<SystemName, Reference>;

/// The most references that a product has, and each of its variants.
pub const MOST_REFERENCES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_a_word() {
        for right in ["erp", "shopee_vn", "tiktok-shop", "a1"] {
            assert!(SystemName::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "ERP", "1erp", "my erp", "erp.old", &"x".repeat(41)] {
            assert!(SystemName::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
