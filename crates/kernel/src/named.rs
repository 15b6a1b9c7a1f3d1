//! Enums whose variants are written as names (derived with strum).
//! The rule: a name that does not exist is refused with the names that do.

use std::str::FromStr;

use strum::VariantNames;

use crate::Malformed;

/// Reads the name of a variant; `what` is the noun for the error ("order status").
///
/// # Errors
/// When no variant has this name; the error lists those that exist.
pub fn parse_name<T: FromStr + VariantNames>(what: &'static str, text: &str) -> Result<T, Malformed> {
    T::from_str(text).map_err(|_unknown| {
        let reason = match T::VARIANTS {
            [] => "has no valid value".to_owned(),
            [only] => format!("must be {only}"),
            [others @ .., last] => format!("must be {} or {last}", others.join(", ")),
        };
        Malformed::new(what, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
    #[strum(serialize_all = "kebab-case")]
    enum Light {
        Red,
        Amber,
        DarkGreen,
    }

    #[test]
    fn a_name_is_read_and_an_unknown_one_is_refused_with_the_known_ones() {
        assert_eq!(parse_name::<Light>("light", "dark-green"), Ok(Light::DarkGreen));
        let refused = parse_name::<Light>("light", "Red").unwrap_err();
        assert_eq!(refused.to_string(), "light must be red, amber or dark-green");
    }
}
