//! Finds everything that is wrong with the shape of a JSON body, after serde stopped at the first fault.
//! The rule: it only adds to what serde found, and runs only when a body is refused.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::problem::{FieldFault, Problem};

/// The most faults that one refusal lists.
pub(crate) const MOST: usize = 50;

/// The refusal of a body that serde did not accept: what serde found, and what else the schema shows.
pub(crate) fn faults<T: JsonSchema>(bytes: &[u8], path: &str, reason: &str) -> Problem {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
        let root = schema.as_value();
        walk(root, root, &value, "", &mut found);
    }
    let field = if path == "." { String::new() } else { path.to_owned() };
    // The schema knows nothing of a field that is there twice.
    if let Some(name) = reason.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return Problem::invalid(vec![FieldFault {
            field: join(&field, name),
            reason: "must be there only once".to_owned(),
        }]);
    }
    // serde names the object that lacks a field or has an unknown one; the schema names the field itself.
    let known =
        found.iter().any(|fault| fault.field == field || (reason.contains("field `") && parent(&fault.field) == field));
    if !known {
        found.insert(0, FieldFault { field, reason: reason.to_owned() });
    }
    found.truncate(MOST);
    Problem::invalid(found)
}

fn parent(field: &str) -> &str {
    field.rfind('.').map_or("", |position| &field[..position])
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    match reference {
        Some(pointer) => root.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

fn walk(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<FieldFault>) {
    if found.len() >= MOST {
        return;
    }
    let schema = resolve(root, schema);
    // An optional value is `anyOf: [T, null]`. Of several alternatives is said what kind of value all of them are; the rest is left
    // to serde.
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let is_real = |one: &&Value| one.get("type").and_then(Value::as_str) != Some("null");
        let real: Vec<&Value> = alternatives.iter().map(|one| resolve(root, one)).filter(is_real).collect();
        let misfits: Option<Vec<String>> = real.iter().map(|one| mismatch(one, value)).collect();
        match (real.as_slice(), misfits.as_deref()) {
            _ if value.is_null() => {}
            ([one], _) => walk(root, one, value, path, found),
            (_, Some([expected, others @ ..])) if others.iter().all(|other| other == expected) => {
                found.push(FieldFault { field: path.to_owned(), reason: format!("must be {expected}") });
            }
            _ => {}
        }
        return;
    }
    if let Some(expected) = mismatch(schema, value) {
        found.push(FieldFault { field: path.to_owned(), reason: format!("must be {expected}") });
        return;
    }
    if let Some(bound) = out_of_bounds(schema, value) {
        found.push(FieldFault { field: path.to_owned(), reason: format!("must be {bound}") });
    } else if let Some(pattern) = unlike(schema, value) {
        found.push(FieldFault { field: path.to_owned(), reason: format!("must match {pattern}") });
    }
    match value {
        Value::Object(members) => walk_object(root, schema, members, path, found),
        Value::Array(items) => {
            if let Some(item_schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    walk(root, item_schema, item, &format!("{path}[{index}]"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn walk_object(root: &Value, schema: &Value, members: &Map<String, Value>, path: &str, found: &mut Vec<FieldFault>) {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !members.contains_key(*name)) {
        found.push(FieldFault { field: join(path, name), reason: "is missing".to_owned() });
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let by_pattern = |name: &str| patterns?.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, one)| one);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, member) in members {
        match properties.and_then(|properties| properties.get(name)).or_else(|| by_pattern(name)) {
            Some(property) => walk(root, property, member, &join(path, name), found),
            None if closed => {
                found.push(FieldFault { field: join(path, name), reason: "is not known here".to_owned() });
            }
            None => {}
        }
    }
}

/// What the value should be, if its JSON type is not among the schema's.
fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let fits = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if types.iter().any(|kind| fits(kind)) {
        return None;
    }
    Some(types.iter().map(|kind| article(kind)).collect::<Vec<_>>().join(" or "))
}

/// The bound of the schema that the value breaks, in words. Where the shape is right, garde checks the same bounds.
fn out_of_bounds(schema: &Value, value: &Value) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "lengths of bodies are far below 2^52")]
    let (measure, low, high, unit) = match value {
        Value::Number(number) => (number.as_f64()?, bound("minimum"), bound("maximum"), ""),
        Value::String(text) => {
            (text.chars().count() as f64, bound("minLength"), bound("maxLength"), " characters long")
        }
        Value::Array(items) => (items.len() as f64, bound("minItems"), bound("maxItems"), " items long"),
        Value::Null | Value::Bool(_) | Value::Object(_) => return None,
    };
    match (low, high) {
        (Some(low), _) if measure < low => Some(format!("at least {low}{unit}")),
        (_, Some(high)) if measure > high => Some(format!("at most {high}{unit}")),
        _ => None,
    }
}

/// The patterns of this program's own schemas, compiled once: a body may hold thousands of texts.
static PATTERNS: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// The schema's pattern, if the value is a text that does not match it.
fn unlike<'s>(schema: &'s Value, value: &Value) -> Option<&'s str> {
    let (pattern, text) = (schema.get("pattern")?.as_str()?, value.as_str()?);
    (!matches(pattern, text)).then_some(pattern)
}

/// Whether the text matches; one that cannot be compiled matches everything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if !patterns.contains_key(pattern) {
        patterns.insert(pattern.to_owned(), Regex::new(pattern).ok());
    }
    patterns.get(pattern).and_then(Option::as_ref).is_none_or(|pattern| pattern.is_match(text))
}

fn article(kind: &str) -> String {
    match kind {
        "integer" | "array" | "object" => format!("an {kind}"),
        "null" => "null".to_owned(),
        _ => format!("a {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::Sku;
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Prices {
        by_sku: BTreeMap<Sku, i64>,
    }

    #[test]
    fn members_whose_names_are_the_clients_own_are_told_by_name() {
        let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Prices>();
        let value = json!({"by_sku": {"A": 1, "B C": 2, "D": "x"}});
        let mut found = Vec::new();
        walk(schema.as_value(), schema.as_value(), &value, "", &mut found);
        let mut told: Vec<(&str, &str)> =
            found.iter().map(|fault| (fault.field.as_str(), fault.reason.as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, [("by_sku.B C", "is not known here"), ("by_sku.D", "must be an integer")]);
    }
}
