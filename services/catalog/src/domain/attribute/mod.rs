//! The attributes that an organisation's products can have, and the values of one product.
//! The rule: a definition's code, type and unit never change and its choices only grow, so a value that was right stays right.

mod value;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use contracts::catalog::AttributeValue as Plain;
use kernel::{Malformed, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use value::AttributeValue;

use super::entries::Entries;
use super::locale::Locale;
use super::wording::line;

/// The name of an attribute in requests: 1 to 40 lower-case letters, digits and underscores, a letter first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeCode(String);

impl AttributeCode {
    /// Checks a code.
    ///
    /// # Errors
    /// When it is not written like that.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if begins && text.len() <= 40 && text.bytes().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            let reason = "must be 1 to 40 lower-case letters, digits and underscores, a letter first";
            Err(Malformed::new("code", reason))
        }
    }
}

kernel::text!(AttributeCode, {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"});

/// A label, a unit or a choice: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The longest label, in characters.
    pub const LIMIT: usize = AttributeDefinition::LONGEST_CHOICE;

    /// Trims and checks a label.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("label", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Label, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// What the values of an attribute are.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AttributeType {
    /// Any text.
    Text,
    /// A number, in the definition's unit if it has one.
    Number,
    /// Yes or no.
    Boolean,
    /// A day, as in 2026-12-31.
    Date,
    /// One of the definition's choices.
    Choice,
    /// Some of the definition's choices.
    Choices,
}

/// The values of a product's attributes.
pub type Attributes = BTreeMap<AttributeCode, AttributeValue>;

/// An attribute that the products of an organisation can have. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeDefinition {
    /// Its name in requests, unique in the organisation.
    pub code: AttributeCode,
    /// What its values are.
    pub r#type: AttributeType,
    /// What its numbers count.
    pub unit: Option<Label>,
    /// What a choice can be, in the seller's order.
    pub choices: Vec<Label>,
    /// What people call it, by language.
    pub labels: BTreeMap<Locale, Label>,
    /// Rises by one with every change; also its ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A change of a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionChange {
    /// Its labels by language.
    pub labels: Entries<Locale, Label>,
    /// Choices to put behind those that there are; one that there is already changes nothing.
    pub new_choices: Vec<Label>,
}

/// What is wrong with a definition or a change of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionFault {
    /// A number has a unit, nothing else.
    #[error("only a number has a unit")]
    UnitOfNoNumber,
    /// A type with choices and none given, or too many, or the same one twice.
    #[error("a choice needs 1 to {limit} different choices", limit = AttributeDefinition::MOST_CHOICES)]
    ChoiceCount,
    /// Choices of something else than a choice.
    #[error("only a choice has choices, and this is a {0}")]
    ChoicesOfNoChoice(AttributeType),
    /// No label, or too many.
    #[error("must have 1 to {limit} labels", limit = AttributeDefinition::MOST_LABELS)]
    LabelCount,
}

/// A value that a product cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute {code} {reason}")]
pub struct AttributeFault {
    /// The attribute.
    pub code: AttributeCode,
    /// What would be valid.
    pub reason: String,
}

impl AttributeDefinition {
    /// The most definitions of an organisation.
    pub const MOST: i64 = 500;
    /// The most choices of one definition.
    pub const MOST_CHOICES: usize = 500;
    /// The longest choice, in characters.
    pub const LONGEST_CHOICE: usize = 100;
    /// The most choices that one product has of one attribute.
    pub const MOST_CHOSEN: usize = 50;
    /// The most languages that it has a label in.
    pub const MOST_LABELS: usize = 20;
    /// The most attributes of one product.
    pub const MOST_OF_A_PRODUCT: usize = 100;

    /// A definition that does not exist yet, in its first version.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn create(
        code: AttributeCode,
        r#type: AttributeType,
        unit: Option<Label>,
        choices: Vec<Label>,
        labels: BTreeMap<Locale, Label>,
        now: Timestamp,
    ) -> Result<Self, Vec<DefinitionFault>> {
        let new = Self { code, r#type, unit, choices, labels, version: 1, created_at: now, updated_at: now };
        let faults = new.faults();
        if faults.is_empty() { Ok(new) } else { Err(faults) }
    }

    /// Applies a change. False when the change changes nothing; the version then stays.
    ///
    /// # Errors
    /// Every fault at once; the definition is then unchanged.
    pub fn change(&mut self, change: DefinitionChange, now: Timestamp) -> Result<bool, Vec<DefinitionFault>> {
        let mut next = self.clone();
        change.labels.apply(&mut next.labels, |label, _| label);
        for choice in change.new_choices {
            if !next.choices.contains(&choice) {
                next.choices.push(choice);
            }
        }
        let faults = next.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        if next == *self {
            return Ok(false);
        }
        *self = Self { version: self.version + 1, updated_at: now, ..next };
        Ok(true)
    }

    fn faults(&self) -> Vec<DefinitionFault> {
        let mut faults = Vec::new();
        if self.unit.is_some() && self.r#type != AttributeType::Number {
            faults.push(DefinitionFault::UnitOfNoNumber);
        }
        if matches!(self.r#type, AttributeType::Choice | AttributeType::Choices) {
            let different: std::collections::HashSet<&str> = self.choices.iter().map(Label::as_str).collect();
            let count = self.choices.len();
            if different.len() != count || !(1..=Self::MOST_CHOICES).contains(&count) {
                faults.push(DefinitionFault::ChoiceCount);
            }
        } else if !self.choices.is_empty() {
            faults.push(DefinitionFault::ChoicesOfNoChoice(self.r#type));
        }
        if !(1..=Self::MOST_LABELS).contains(&self.labels.len()) {
            faults.push(DefinitionFault::LabelCount);
        }
        faults
    }

    /// Whether a product can have this value.
    ///
    /// # Errors
    /// What would be valid.
    pub fn check(&self, value: &AttributeValue) -> Result<(), AttributeFault> {
        let is_choice = |text: &String| self.choices.iter().any(|choice| choice.as_str() == text);
        let is_right = match (self.r#type, value.plain()) {
            (AttributeType::Text, Plain::Text(_))
            | (AttributeType::Number, Plain::Number(_))
            | (AttributeType::Boolean, Plain::Boolean(_)) => true,
            (AttributeType::Date, Plain::Text(day)) => is_day(day),
            (AttributeType::Choice, Plain::Text(text)) => is_choice(text),
            (AttributeType::Choices, Plain::Choices(texts)) => texts.iter().all(is_choice),
            _ => false,
        };
        if is_right { Ok(()) } else { Err(AttributeFault { code: self.code.clone(), reason: self.expects() }) }
    }

    /// What its values are, for whoever sent another one.
    fn expects(&self) -> String {
        match (self.r#type, &self.unit) {
            (AttributeType::Text, _) => "must be a text".to_owned(),
            (AttributeType::Number, None) => "must be a number".to_owned(),
            (AttributeType::Number, Some(unit)) => format!("must be a number of {unit}, without the unit"),
            (AttributeType::Boolean, _) => "must be true or false".to_owned(),
            (AttributeType::Date, _) => "must be a day such as 2026-12-31".to_owned(),
            (AttributeType::Choice, _) => format!("must be one of {}", some_of(&self.choices)),
            (AttributeType::Choices, _) => format!("must be a list of some of {}", some_of(&self.choices)),
        }
    }
}

/// Checks the values of a product with the definitions of its organisation, which has others too: `codes` are some of them.
///
/// # Errors
/// Every fault at once.
pub fn check<'a>(
    values: impl IntoIterator<Item = (&'a AttributeCode, &'a AttributeValue)>,
    definition: impl Fn(&AttributeCode) -> Option<&'a AttributeDefinition>,
    codes: &[Label],
) -> Result<(), Vec<AttributeFault>> {
    let unknown = |code: &AttributeCode| {
        let reason = match codes {
            [] => "is not an attribute of this organisation, which has none".to_owned(),
            codes => format!("is not an attribute of this organisation; there are {}", some_of(codes)),
        };
        Err(AttributeFault { code: code.clone(), reason })
    };
    let faults: Vec<AttributeFault> = values
        .into_iter()
        .filter_map(|(code, value)| definition(code).map_or_else(|| unknown(code), |found| found.check(value)).err())
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The first twenty, and how many there are besides.
fn some_of(all: &[Label]) -> String {
    const SHOWN: usize = 20;
    let shown = all.iter().take(SHOWN).map(Label::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} others"),
    }
}

fn is_day(text: &str) -> bool {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|day| day.format("%Y-%m-%d").to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn label(text: &str) -> Label {
        Label::parse(text).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn labels() -> BTreeMap<Locale, Label> {
        BTreeMap::from([(Locale::parse("en").unwrap(), label("Colour"))])
    }

    fn definition(r#type: AttributeType, choices: &[&str]) -> AttributeDefinition {
        let choices = choices.iter().map(|choice| label(choice)).collect();
        let code = AttributeCode::parse("colour").unwrap();
        AttributeDefinition::create(code, r#type, None, choices, labels(), at(1)).unwrap()
    }

    fn value(plain: serde_json::Value) -> AttributeValue {
        AttributeValue::try_from(plain).unwrap()
    }

    #[test]
    fn each_type_takes_its_values_and_says_which_they_are() {
        use AttributeType::{Boolean, Choice, Choices, Date, Number, Text};
        let right = [
            (Text, json!("red")),
            (Number, json!(2.5)),
            (Boolean, json!(false)),
            (Date, json!("2028-02-29")),
            (Choice, json!("red")),
            (Choices, json!(["blue", "red"])),
        ];
        let wrong = [
            (Text, json!(1), "must be a text"),
            (Number, json!("1"), "must be a number"),
            (Boolean, json!("true"), "must be true or false"),
            (Date, json!("2027-02-29"), "must be a day such as 2026-12-31"),
            (Date, json!("2027-2-1"), "must be a day such as 2026-12-31"),
            (Choice, json!("green"), "must be one of red, blue"),
            (Choice, json!(["red"]), "must be one of red, blue"),
            (Choices, json!(["red", "green"]), "must be a list of some of red, blue"),
        ];
        let of = |r#type| match r#type {
            Choice | Choices => definition(r#type, &["red", "blue"]),
            other => definition(other, &[]),
        };
        for (r#type, plain) in right {
            assert_eq!(of(r#type).check(&value(plain)), Ok(()), "{type}");
        }
        for (r#type, plain, reason) in wrong {
            assert_eq!(of(r#type).check(&value(plain)).unwrap_err().reason, reason, "{type}");
        }
    }

    #[test]
    fn a_number_with_a_unit_says_so() {
        let metres = AttributeDefinition { unit: Some(label("m")), ..definition(AttributeType::Number, &[]) };
        assert_eq!(metres.check(&value(json!("2 m"))).unwrap_err().reason, "must be a number of m, without the unit");
    }

    #[test]
    fn an_unknown_code_is_told_which_there_are() {
        let code = AttributeCode::parse("size").unwrap();
        let (size, found) = (value(json!("L")), definition(AttributeType::Text, &[]));
        let with = |codes: &[Label]| check([(&code, &size)], |one| (*one == found.code).then_some(&found), codes);
        assert_eq!(
            with(&[label("colour")]).unwrap_err()[0].to_string(),
            "attribute size is not an attribute of this organisation; there are colour"
        );
        assert!(with(&[]).unwrap_err()[0].reason.ends_with("which has none"));
        let many: Vec<Label> = (0..25).map(|number| label(&format!("c{number}"))).collect();
        assert!(with(&many).unwrap_err()[0].reason.ends_with("c19 and 5 others"));
    }

    #[test]
    fn a_definition_is_whole() {
        let code = || AttributeCode::parse("colour").unwrap();
        let create = |r#type, unit: Option<Label>, choices: Vec<Label>, labels| {
            AttributeDefinition::create(code(), r#type, unit, choices, labels, at(1)).map(drop)
        };
        let unit = || Some(label("cm"));
        assert_eq!(
            create(AttributeType::Text, unit(), vec![label("a")], BTreeMap::new()).unwrap_err(),
            [
                DefinitionFault::UnitOfNoNumber,
                DefinitionFault::ChoicesOfNoChoice(AttributeType::Text),
                DefinitionFault::LabelCount
            ]
        );
        assert_eq!(create(AttributeType::Number, unit(), vec![], labels()), Ok(()));
        for choices in [vec![], vec![label("a"), label("a")], vec![label("a"); 501]] {
            let refused = create(AttributeType::Choice, None, choices, labels()).unwrap_err();
            assert_eq!(refused, [DefinitionFault::ChoiceCount]);
        }
    }

    #[test]
    fn choices_are_added_and_none_goes() {
        let mut colour = definition(AttributeType::Choice, &["red"]);
        let change = |choices: &[&str]| DefinitionChange {
            new_choices: choices.iter().map(|choice| label(choice)).collect(),
            ..DefinitionChange::default()
        };
        assert_eq!(colour.change(change(&["red"]), at(2)), Ok(false));
        assert_eq!(colour.change(change(&["blue", "red", "blue"]), at(2)), Ok(true));
        assert_eq!((colour.choices, colour.version), (vec![label("red"), label("blue")], 2));
        let mut text = definition(AttributeType::Text, &[]);
        assert!(text.change(change(&["red"]), at(2)).is_err());
        let unlabelled = DefinitionChange { labels: Entries::Clear, ..DefinitionChange::default() };
        assert_eq!(text.change(unlabelled, at(2)), Err(vec![DefinitionFault::LabelCount]));
    }
}
