//! The reference that a shopper may give an order. The rule: it is kept and shown as it was sent.

use kernel::Malformed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A shopper's reference for the order: 1 to 200 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = 200))]
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

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}
