//! The rules of domain types as garde rules of a body's fields.
//! The rule: a client is told all faults at once, not just the first, so garde checks every rule of a body.

use kernel::Malformed;

use crate::problem::{FieldFault, Problem};

/// A garde rule: the field is accepted by a domain type's constructor. `#[garde(custom(parses(Slug::parse)))]`, and
/// `inner(custom(…))` in an `Option`.
pub fn parses<T>(parse: impl Fn(&str) -> Result<T, Malformed>) -> impl FnOnce(&String, &()) -> garde::Result {
    move |text, context| holds(parse(text))(text, context)
}

/// The same for a rule about several fields: `#[garde(custom(holds(self.money())))]`.
pub fn holds<T, F>(checked: Result<T, Malformed>) -> impl FnOnce(&F, &()) -> garde::Result {
    move |_, _| checked.map(drop).map_err(|malformed| garde::Error::new(malformed.reason()))
}

/// Lets `?` make domain values of a body that garde has checked, where nothing should be refused any more.
impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::invalid(vec![FieldFault { field: malformed.what().to_owned(), reason: malformed.reason().to_owned() }])
    }
}
