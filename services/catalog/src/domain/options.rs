//! What the variants of a product differ in. The rule: a variant has one value of each option, and no two have the same ones.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Malformed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::line;

/// The name of an option: 1 to 50 characters on one line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptionName(String);

impl OptionName {
    /// The longest name, in characters.
    pub const LIMIT: usize = 50;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("name", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(OptionName, {"type": "string", "pattern": "^.{1,50}$"});

/// A value of an option: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptionValue(String);

impl OptionValue {
    /// The longest value, in characters.
    pub const LIMIT: usize = 100;

    /// Trims and checks a value.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("value", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(OptionValue, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// What variants differ in: size, colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductOption {
    /// Its name for people.
    pub name: OptionName,
    /// What it can be, in the seller's order.
    #[schemars(length(min = 1, max = 100))]
    pub values: Vec<OptionValue>,
}

impl ProductOption {
    /// The most options of a product.
    pub const MOST: usize = 3;
    /// The most values of an option.
    pub const MOST_VALUES: usize = 100;
}

/// A variant's value of each option of its product.
pub type OptionValues = BTreeMap<OptionName, OptionValue>;

/// What is wrong with a product's options, without its variants.
///
/// # Errors
/// The first fault, in words.
pub fn check(options: &[ProductOption]) -> Result<(), String> {
    let names: BTreeSet<&OptionName> = options.iter().map(|option| &option.name).collect();
    if names.len() < options.len() || options.len() > ProductOption::MOST {
        return Err(format!("must be at most {} options with different names", ProductOption::MOST));
    }
    for option in options {
        let values: BTreeSet<&OptionValue> = option.values.iter().collect();
        if values.len() < option.values.len() || !(1..=ProductOption::MOST_VALUES).contains(&values.len()) {
            let most = ProductOption::MOST_VALUES;
            return Err(format!("the option {} must have 1 to {most} different values", option.name));
        }
    }
    Ok(())
}

/// Checks a variant's values.
///
/// # Errors
/// What would be valid.
pub fn check_values(options: &[ProductOption], values: &OptionValues) -> Result<(), String> {
    if let Some(stranger) = values.keys().find(|name| options.iter().all(|option| option.name != **name)) {
        return Err(format!("the product has no option {stranger}"));
    }
    for option in options {
        let chosen = values.get(&option.name);
        if chosen.is_none_or(|value| !option.values.contains(value)) {
            let known: Vec<&str> = option.values.iter().take(20).map(OptionValue::as_str).collect();
            return Err(format!("its {} must be one of the option's values: {}", option.name, known.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, values: &[&str]) -> ProductOption {
        let values = values.iter().map(|value| OptionValue::parse(value).unwrap()).collect();
        ProductOption { name: OptionName::parse(name).unwrap(), values }
    }

    fn values(pairs: &[(&str, &str)]) -> OptionValues {
        pairs
            .iter()
            .map(|(name, value)| (OptionName::parse(name).unwrap(), OptionValue::parse(value).unwrap()))
            .collect()
    }

    #[test]
    fn options_are_few_and_different() {
        let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(check(&[option("Size", &many[..100]), option("Colour", &["red"])]), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        for wrong in [
            vec![option("Size", &many)],
            vec![option("Size", &[])],
            vec![option("Size", &["S", "S"])],
            vec![option("Size", &["S"]), option("Size", &["M"])],
            ["a", "b", "c", "d"].map(|name| option(name, &["x"])).to_vec(),
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_variant_has_one_value_of_each() {
        let options = [option("Size", &["S", "M"]), option("Colour", &["red"])];
        assert_eq!(check_values(&options, &values(&[("Colour", "red"), ("Size", "M")])), Ok(()));
        assert_eq!(
            check_values(&options, &values(&[("Colour", "red"), ("Size", "L")])),
            Err("its Size must be one of the option's values: S, M".to_owned())
        );
        assert!(check_values(&options, &values(&[("Size", "M")])).is_err(), "one is missing");
        assert_eq!(
            check_values(&options, &values(&[("Colour", "red"), ("Size", "M"), ("Fit", "slim")])),
            Err("the product has no option Fit".to_owned())
        );
        assert_eq!(check_values(&[], &values(&[])), Ok(()));
    }
}
