//! The name of an organisation or a person, as people write it: trimmed and bounded.

use kernel::Malformed;

/// 1 to 120 characters, trimmed, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const LIMIT: usize = 120;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is too long, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT {
            return Err(Malformed::new("name", "must have 1 to 120 characters"));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("name", "must not contain control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(Name, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "1 to 120 characters, trimmed, without control characters.",
});
