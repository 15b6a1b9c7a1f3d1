//! The one error of this crate: a value that breaks the rules of its type. The rule: a client may read it.

use std::borrow::Cow;

/// What was wrong with a value, in words for the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {reason}")]
pub struct Malformed {
    what: &'static str,
    reason: Cow<'static, str>,
}

impl Malformed {
    /// `what` is a noun ("amount"), `reason` goes on from it ("must not be negative").
    pub fn new(what: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { what, reason: reason.into() }
    }

    /// The noun that names the value: "amount".
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What the value must be instead.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
