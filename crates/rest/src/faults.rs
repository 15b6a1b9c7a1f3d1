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

/// What garde and the readers of query strings say, in the words of this API.
pub(crate) fn in_plain_words(message: &str) -> String {
    let is = |beginning: &str| message.strip_prefix(beginning).filter(|rest| !rest.is_empty());
    if let Some(least) = is("length is lower than ") {
        return format!("must have at least {least}");
    }
    if let Some(most) = is("length is greater than ") {
        return format!("must have at most {most}");
    }
    if let Some(least) = is("lower than ") {
        return format!("must be at least {least}");
    }
    if let Some(most) = is("greater than ") {
        return format!("must be at most {most}");
    }
    if message.starts_with("invalid digit")
        || message.starts_with("number too")
        || message.contains("from empty string")
    {
        return "must be a whole number in its bounds".to_owned();
    }
    match (is("unknown field "), is("unknown variant ")) {
        (Some(rest), _) => format!("is not known here: {}", rest.replace('`', "\"")),
        (_, Some(rest)) => format!("is not one of its values: {}", rest.replace('`', "\"")),
        _ => message.to_owned(),
    }
}

/// Lets `?` make domain values of a body that garde has checked, where nothing should be refused any more.
impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::invalid(vec![FieldFault { field: malformed.what().to_owned(), reason: malformed.reason().to_owned() }])
    }
}

#[cfg(test)]
mod tests {
    use super::in_plain_words;

    #[test]
    fn the_words_of_libraries_become_those_of_this_api() {
        for (said, plain) in [
            ("length is lower than 1", "must have at least 1"),
            ("length is greater than 8", "must have at most 8"),
            ("lower than 1", "must be at least 1"),
            ("greater than 100", "must be at most 100"),
            ("invalid digit found in string", "must be a whole number in its bounds"),
            ("number too large to fit in target type", "must be a whole number in its bounds"),
            ("unknown field `page`, expected `limit`", "is not known here: \"page\", expected \"limit\""),
            ("unknown variant `x`, expected `a` or `b`", "is not one of its values: \"x\", expected \"a\" or \"b\""),
            ("must be a slug", "must be a slug"),
        ] {
            assert_eq!(in_plain_words(said), plain);
        }
    }
}
