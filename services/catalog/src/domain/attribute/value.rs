//! The value of an attribute. The rule: it is bounded, and equal values are written alike.

use contracts::catalog;
use kernel::Malformed;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AttributeDefinition;
use crate::domain::wording::line;

/// A text of 1 to 1,000 characters, a number up to 10¹⁵, yes or no, or 1 to 50 choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct AttributeValue(catalog::AttributeValue);

impl AttributeValue {
    /// The longest text, in characters.
    pub const LONGEST: usize = 1_000;
    /// The largest number, also below zero: every whole number up to it is exact.
    pub const LARGEST: f64 = 1e15;

    /// As it is published.
    #[must_use]
    pub fn plain(&self) -> &catalog::AttributeValue {
        &self.0
    }
}

impl TryFrom<Value> for AttributeValue {
    type Error = Malformed;

    fn try_from(value: Value) -> Result<Self, Malformed> {
        let plain = match value {
            Value::Bool(yes) => catalog::AttributeValue::Boolean(yes),
            Value::Number(number) => catalog::AttributeValue::Number(one_spelling(&number)?),
            Value::String(text) => catalog::AttributeValue::Text(line("value", &text, Self::LONGEST)?),
            Value::Array(items) => catalog::AttributeValue::Choices(choices(&items)?),
            Value::Null | Value::Object(_) => {
                return Err(Malformed::new("value", "must be a text, a number, true, false or a list of texts"));
            }
        };
        Ok(Self(plain))
    }
}

/// `1`, `1.0` and `1e0` are the same number.
fn one_spelling(number: &serde_json::Number) -> Result<serde_json::Number, Malformed> {
    let value = number.as_f64().filter(|value| value.abs() <= AttributeValue::LARGEST);
    let value = value.ok_or_else(|| Malformed::new("value", "must be from -10^15 to 10^15"))?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 10^15")]
    let number = if value.fract() == 0.0 { Some((value as i64).into()) } else { serde_json::Number::from_f64(value) };
    number.ok_or_else(|| Malformed::new("value", "must be a number"))
}

fn choices(items: &[Value]) -> Result<Vec<String>, Malformed> {
    let most = AttributeDefinition::MOST_CHOSEN;
    let refused = || Malformed::new("value", format!("must be a list of 1 to {most} different texts"));
    if !(1..=most).contains(&items.len()) {
        return Err(refused());
    }
    let mut texts: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let text = line("value", item.as_str().ok_or_else(refused)?, AttributeDefinition::LONGEST_CHOICE)?;
        if texts.contains(&text) {
            return Err(refused());
        }
        texts.push(text);
    }
    Ok(texts)
}

impl JsonSchema for AttributeValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttributeValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text, a number, true, false or several choices, as the attribute's definition says; a date is \
                            written as 2026-12-31.",
            "anyOf": [
                {"type": "boolean"},
                {"type": "number", "minimum": -Self::LARGEST, "maximum": Self::LARGEST},
                {"type": "string", "minLength": 1, "maxLength": Self::LONGEST},
                {
                    "type": "array", "minItems": 1, "maxItems": AttributeDefinition::MOST_CHOSEN, "uniqueItems": true,
                    "items": {"type": "string", "minLength": 1, "maxLength": AttributeDefinition::LONGEST_CHOICE},
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: Value) -> Result<Value, Malformed> {
        AttributeValue::try_from(value).map(|value| serde_json::to_value(value).unwrap())
    }

    #[test]
    fn equal_values_are_written_alike() {
        for (value, as_stored) in [
            (json!(1.0), json!(1)),
            (json!(-0.0), json!(0)),
            (json!(1e15), json!(1_000_000_000_000_000_i64)),
            (json!(2.5), json!(2.5)),
            (json!(" red "), json!("red")),
            (json!([" red", "blue"]), json!(["red", "blue"])),
            (json!(true), json!(true)),
        ] {
            assert_eq!(written(value), Ok(as_stored));
        }
    }

    #[test]
    fn what_has_no_bound_is_refused() {
        for wrong in [
            json!(null),
            json!({}),
            json!(""),
            json!("a\u{0}b"),
            json!("x".repeat(1_001)),
            json!(1.1e15),
            json!([]),
            json!([1]),
            json!(["a", "a"]),
            json!(vec!["a"; 51]),
        ] {
            assert!(written(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
