//! The attributes that an organisation's products can have, and the values of one product.
//! The rule: a definition's code, type and unit never change and its choices only grow, so a value that was right stays right.

#[cfg(test)]
mod tests;
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
