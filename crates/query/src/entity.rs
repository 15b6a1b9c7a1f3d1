//! A kind of item that can be asked for, and what the API documents say of it.
//! The rule: the schemas of the filter and of an item are written from the registry, so they cannot say anything else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use kernel::{Cursor, Page, PageSize};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::facet::{self, Bucket, MOST_BANDS};
use crate::field::{Field, Operator, Registry};
use crate::filter::{MOST_COMPARISONS, MOST_VALUES};
use crate::order::MOST_SORTS;
use crate::request::{Counting, MOST_FIELDS, Request};
use crate::value::{Kind, LONGEST_TEXT};
use strum::VariantNames as _;

/// A kind of item that can be asked for.
pub trait Entity: Send + Sync + 'static {
    /// Its name in schemas: `Product`.
    const NAME: &'static str;

    /// What the names of the fields begin with that single organisations have added; none where they cannot.
    const OWN_FIELDS: Option<&'static str> = None;

    /// What can be asked of it; the fields of single organisations are not in it.
    fn registry() -> &'static Registry;
}

/// An item of an answer: its fields by their names.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Item<E> {
    pub(crate) fields: Map<String, Json>,
    #[serde(skip)]
    pub(crate) of: PhantomData<fn() -> E>,
}

impl<E> Item<E> {
    /// The value of a field that the item shows.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Json> {
        self.fields.get(name)
    }
}

impl<E> std::fmt::Debug for Item<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fields.fmt(f)
    }
}

/// How many items a query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Total {
    /// The number.
    pub items: i64,
    /// Whether they were counted; otherwise the number is an estimate.
    pub exact: bool,
}

/// The answer to a query.
#[derive(Clone, Debug, Serialize)]
#[serde(bound = "")]
pub struct Answer<E> {
    /// The items of the page, in the list's order.
    pub items: Vec<Item<E>>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Cursor>,
    /// Where the page before begins; absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_cursor: Option<Cursor>,
    /// Whether nothing was found by the words as they are written, so that a wrong letter was forgiven.
    #[serde(skip_serializing_if = "is_false")]
    pub forgiving: bool,
    /// How many items the query finds, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
    /// The counts of each facet that was asked for, by its field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<String, Vec<Bucket>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(truth: &bool) -> bool {
    !truth
}

impl<E> From<Answer<E>> for Page<Item<E>> {
    fn from(answer: Answer<E>) -> Self {
        Self { items: answer.items, next_cursor: answer.next_cursor }
    }
}

/// A field, for people and programs that want to know what can be asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FieldDescription {
    /// As it stands in a request.
    name: String,
    /// What it means.
    description: String,
    /// The kind of its values: `text`, `choice`, `id`, `integer`, `number`, `price`, `boolean`, `time`, `date` or `object`.
    kind: String,
    /// Whether an item may have several values.
    many: bool,
    /// The names that it may have, for a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    /// The operators that a condition about it may have.
    operators: Vec<String>,
    /// Whether items can be sorted by it.
    sortable: bool,
    /// Whether its values can be counted.
    countable: bool,
    /// Whether an item shows it unless a request names its fields.
    by_default: bool,
}

/// All fields of a kind of item.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FieldList {
    /// The fields.
    fields: Vec<FieldDescription>,
    /// Whether the items can be searched for by words (`q`).
    searchable: bool,
}

impl Registry {
    /// What can be asked, for people and programs.
    #[must_use]
    pub fn describe(&self) -> FieldList {
        let describe = |field: &Field| FieldDescription {
            name: field.name().to_owned(),
            description: field.about.to_string(),
            kind: field.kind.name().to_owned(),
            many: field.is_many(),
            choices: match &field.kind {
                Kind::Choice(names) => names.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            },
            operators: field.operators().into_iter().map(|operator| operator.as_str().to_owned()).collect(),
            sortable: field.is_sorted(),
            countable: field.is_counted(),
            by_default: field.by_default,
        };
        FieldList { fields: self.fields().map(describe).collect(), searchable: self.search.is_some() }
    }
}

/// The JSON schema of a value of this kind.
fn value_schema(kind: &Kind, generator: &mut SchemaGenerator) -> Json {
    match kind {
        Kind::Text => json!({"type": "string", "maxLength": LONGEST_TEXT}),
        Kind::Choice(names) => json!({"type": "string", "enum": names}),
        Kind::Id(_) => json!({"type": "string", "maxLength": 40}),
        Kind::Integer => json!({"type": "integer", "format": "int64"}),
        Kind::Number => json!({"type": "number"}),
        Kind::Price => generator.subschema_for::<kernel::Money>().to_value(),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::Object => json!({}),
    }
}

fn described(mut schema: Json, about: &str) -> Json {
    schema["description"] = about.into();
    schema
}

/// The schema of the conditions about one field: those with one value, those with a list, and whether there is a value.
fn comparisons(field: &Field, generator: &mut SchemaGenerator) -> Vec<Json> {
    use Operator::{Between, HasAll, HasAny, In, IsNull, Nin};
    let of = |operators: &[Operator]| -> Vec<&'static str> {
        let known = field.operators();
        known.into_iter().filter(|operator| operators.contains(operator)).map(Operator::as_str).collect()
    };
    let lists = of(&[In, Nin, HasAny, HasAll]);
    let singles: Vec<&str> = field
        .operators()
        .into_iter()
        .filter(|operator| ![In, Nin, HasAny, HasAll, Between, IsNull].contains(operator))
        .map(Operator::as_str)
        .collect();
    let value = value_schema(&field.kind, generator);
    let mut schemas = Vec::new();
    let mut add = |operators: Vec<&str>, value: Json| {
        if !operators.is_empty() {
            schemas.push(json!({
                "type": "object",
                "description": field.about,
                "additionalProperties": false,
                "required": ["field", "op", "value"],
                "properties": {
                    "field": {"type": "string", "enum": [field.name()]},
                    "op": {"type": "string", "enum": operators},
                    "value": value,
                },
            }));
        }
    };
    add(singles, value.clone());
    add(lists, json!({"type": "array", "items": value, "minItems": 1, "maxItems": MOST_VALUES}));
    add(of(&[Between]), json!({"type": "array", "items": value, "minItems": 2, "maxItems": 2}));
    add(of(&[IsNull]), json!({"type": "boolean"}));
    schemas
}

/// The schema of the name of a field that an organisation has added.
fn own_name(prefix: &str, descending: bool) -> Json {
    let sign = if descending { "-?" } else { "" };
    json!({"type": "string", "pattern": format!("^{sign}{}", prefix.replace('.', "\\.")), "maxLength": 100})
}

/// The filter of one kind of item, as the documents describe it.
struct Filter<E>(PhantomData<fn() -> E>);

impl<E: Entity> JsonSchema for Filter<E> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Filter", E::NAME).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let itself = generator.subschema_for::<Self>().to_value();
        let list = json!({"type": "array", "items": itself, "minItems": 1, "maxItems": MOST_COMPARISONS});
        let node = |name: &str, part: &Json| json!({"type": "object", "additionalProperties": false, "required": [name], "properties": {name: part}});
        let mut ways = vec![node("and", &list), node("or", &list), node("not", &itself)];
        for field in E::registry().fields() {
            ways.extend(comparisons(field, generator));
        }
        if let Some(prefix) = E::OWN_FIELDS {
            ways.push(json!({
            "type": "object",
            "description": "A condition about a field of the organisation's own, such as `attributes.colour`; its operators and values are those that the list of fields names.",
            "additionalProperties": false,
            "required": ["field", "op", "value"],
            "properties": {
                "field": own_name(prefix, false),
                "op": {"type": "string", "enum": Operator::VARIANTS},
                "value": {},
            },
        }));
        }
        json_schema!({"description": "The condition that an item fulfils.", "anyOf": ways})
    }
}

impl<E: Entity> JsonSchema for Request<E> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Query", E::NAME).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = |of: fn(&Field) -> bool| {
            let names: Vec<&str> = E::registry().fields().filter(|field| of(field)).map(Field::name).collect();
            names.join(", ")
        };
        let name_of = |of: fn(&Field) -> bool, descending: bool| {
            let names = E::registry().fields().filter(|field| of(field)).map(Field::name);
            let names: Vec<String> = if descending {
                names.flat_map(|name| [name.to_owned(), format!("-{name}")]).collect()
            } else {
                names.map(str::to_owned).collect()
            };
            let known = json!({"type": "string", "enum": names});
            match E::OWN_FIELDS {
                None => known,
                Some(prefix) => json!({"anyOf": [known, own_name(prefix, descending)]}),
            }
        };
        let (filter, cursor) =
            (generator.subschema_for::<Filter<E>>().to_value(), generator.subschema_for::<Cursor>().to_value());
        let (limit, total) =
            (generator.subschema_for::<PageSize>().to_value(), generator.subschema_for::<Counting>().to_value());
        let band = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["field"],
            "properties": {
                "field": name_of(Field::is_counted, false),
                "bands": {"type": ["array", "null"], "items": {}, "maxItems": MOST_BANDS, "description": "For prices, numbers and times: the borders between the bands that are counted, in ascending order."},
            },
        });
        json_schema!({
            "type": "object",
            "description": "A query: what to find, and how to show it.",
            "additionalProperties": false,
            "properties": {
                "filter": {"anyOf": [filter, {"type": "null"}]},
                "q": {"type": ["string", "null"], "maxLength": 200, "description": "Words to search for, of which the first ten count. Letter case and marks do not matter. Where nothing is found, one wrong letter per word is forgiven."},
                "sort": {"type": "array", "items": name_of(Field::is_sorted, true), "maxItems": MOST_SORTS, "description": format!("Fields, the first one first; with `-` when descending: {}.", names(Field::is_sorted))},
                "fields": {"type": ["array", "null"], "items": name_of(|_| true, false), "maxItems": MOST_FIELDS, "description": format!("The fields that an item shows; without it {}.", names(|field| field.by_default))},
                "cursor": {"anyOf": [cursor, {"type": "null"}]},
                "limit": limit,
                "total": total,
                "facets": {"type": "array", "items": {"anyOf": [name_of(Field::is_counted, false), band]}, "maxItems": facet::most(E::registry()), "description": format!("Fields whose values are counted over the items that the query finds, each without the conditions about itself: {}.", names(Field::is_counted))},
            },
        })
    }
}

impl<E: Entity> JsonSchema for Item<E> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Item", E::NAME).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for field in E::registry().fields() {
            let one = value_schema(&field.kind, generator);
            let value = match (field.is_many(), field.nullable) {
                (true, _) => json!({"type": "array", "items": one, "description": field.about}),
                (false, true) => json!({"anyOf": [one, {"type": "null"}], "description": field.about}),
                (false, false) => described(one, &field.about),
            };
            properties.insert(field.name().to_owned(), value);
        }
        json_schema!({
            "type": "object",
            "description": "An item with the fields that were asked for.",
            "properties": properties,
        })
    }
}

impl<E: Entity> JsonSchema for Answer<E> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Answer", E::NAME).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<Item<E>>().to_value();
        let cursor = generator.subschema_for::<Cursor>().to_value();
        let (total, bucket) =
            (generator.subschema_for::<Total>().to_value(), generator.subschema_for::<Bucket>().to_value());
        json_schema!({
            "type": "object",
            "description": "A page of what the query finds.",
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "items": item, "description": "The items of the page, in the list's order."},
                "next_cursor": {"allOf": [cursor], "description": "Where the next page begins; absent on the last page."},
                "previous_cursor": {"allOf": [cursor], "description": "Where the page before begins; absent on the first page."},
                "forgiving": {"type": "boolean", "description": "Whether nothing was found by the words as they are written, so that a wrong letter was forgiven; absent otherwise."},
                "total": {"allOf": [total], "description": "How many items the query finds, where that was asked for."},
                "facets": {"type": "object", "additionalProperties": {"type": "array", "items": bucket}, "description": "The counts of each facet that was asked for, by its field."},
            },
        })
    }
}
