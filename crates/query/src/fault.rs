//! What is wrong with a request: each fault names its place in the request and says what would have been valid.
//! The rule: a client is told of all faults at once, up to a bound.

use std::fmt;

/// The most faults that a client is told of.
const MOST: usize = 20;

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `filter.and[2].value`.
    pub at: String,
    /// Why, as a sentence that the place is the subject of.
    pub reason: String,
}

/// All that is wrong with a request; at least one fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<String> = self.0.iter().map(|fault| format!("{} {}", fault.at, fault.reason)).collect();
        f.write_str(&sentences.join("; "))
    }
}

/// The faults that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Fault>);

impl Found {
    pub(crate) fn add(&mut self, at: impl Into<String>, reason: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Fault { at: at.into(), reason: reason.into() });
        }
    }

    /// Whether another fault would be told of. What it takes work to word need not be worded otherwise.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    /// # Errors
    /// When something was found.
    pub(crate) fn none<T>(self, right: T) -> Result<T, Faults> {
        if self.0.is_empty() { Ok(right) } else { Err(Faults(self.0)) }
    }
}
