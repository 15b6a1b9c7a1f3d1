//! The rules of domain types as rules of a body's fields.
//! The rule: a client hears of all faults at once, never of the first only. So every rule of a body is garde's to check.

use kernel::Malformed;

use crate::problem::{FieldFault, Problem};

/// A garde rule by which a field is what a domain type's constructor takes: `#[garde(custom(parses(Slug::parse)))]`, and
/// `inner(custom(…))` in an `Option`. With the domain's rule in the first pass, no fault hides behind another field's.
pub fn parses<T>(parse: impl Fn(&str) -> Result<T, Malformed>) -> impl FnOnce(&String, &()) -> garde::Result {
    move |text, context| holds(parse(text))(text, context)
}

/// The same for a rule that takes more than one field: `#[garde(custom(holds(self.money())))]`.
pub fn holds<T, F>(checked: Result<T, Malformed>) -> impl FnOnce(&F, &()) -> garde::Result {
    move |_, _| checked.map(drop).map_err(|malformed| garde::Error::new(malformed.reason()))
}

/// For the way from a checked body to domain values, on which nothing is left to be refused.
impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::invalid(vec![FieldFault { field: malformed.what().to_owned(), reason: malformed.reason().to_owned() }])
    }
}
