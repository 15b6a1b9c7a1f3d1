//! Collects every faulty field of a body on its way to domain types.
//! The rule: a client hears of all faults at once, never of the first only.

use kernel::Malformed;

use crate::problem::{FieldFault, Problem};

/// A garde rule by which a field is what a domain type's constructor takes: `#[garde(custom(parses(Slug::parse)))]`, and
/// `inner(custom(…))` in an `Option`. With the domain's rule in the first pass, no fault hides behind another field's.
pub fn parses<T>(parse: impl Fn(&str) -> Result<T, Malformed>) -> impl FnOnce(&String, &()) -> garde::Result {
    move |text, _| parse(text).map(drop).map_err(|malformed| garde::Error::new(malformed.reason()))
}

/// The faults found so far. Take all values first, call [`Faults::finish`], then unwrap them.
#[derive(Debug, Default)]
#[must_use = "call finish, or faults are lost"]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value, or `None` with its reason kept under `field`.
    pub fn take<T, E: std::fmt::Display>(&mut self, field: impl Into<String>, value: Result<T, E>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(reason) => {
                self.add(field, reason.to_string());
                None
            }
        }
    }

    /// Notes a fault that no constructor reported.
    pub fn add(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(FieldFault { field: field.into(), reason: reason.into() });
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// 422 `invalid-request` with every fault, if there is one.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }

    /// The value assembled from what [`Faults::take`] gave: `faults.build(|| Some(Thing { name: name? }))`.
    ///
    /// # Errors
    /// 422 with every fault; a missing value without a fault is a defect and becomes 500.
    pub fn build<T>(self, assemble: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        self.finish()?;
        assemble().ok_or_else(|| Problem::internal("a value was refused without a reason"))
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::invalid(vec![FieldFault { field: malformed.what().to_owned(), reason: malformed.reason().to_owned() }])
    }
}
