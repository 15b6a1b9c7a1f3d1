//! The reference that a shopper may give an order. The rule: it is kept and shown as it was sent.

use kernel::Malformed;

/// A shopper's reference for the order: 1 to 200 characters without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// The longest reference, in characters.
    pub const LIMIT: usize = 200;

    /// Checks a reference.
    ///
    /// # Errors
    /// `Malformed` when it is empty, longer than 200 characters or has control characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.chars().count() > Self::LIMIT || text.chars().any(char::is_control) {
            return Err(Malformed::new("reference", "must have 1 to 200 characters and no control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

kernel::text!(Reference, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "A shopper's reference for the order: 1 to 200 characters without control characters.",
});
