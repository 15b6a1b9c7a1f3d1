//! The filter of a request, read against the registry: every field, operator and value is known and of the right kind.
//! The rule: a tree is bounded in depth and size before anything is done with it.

use std::str::FromStr as _;

use serde_json::{Map, Value as Json};
use strum::VariantNames as _;

use crate::fault::Found;
use crate::field::{Field, Operator, Registry, unknown};
use crate::value::{Raw, Value, quoted};

/// How deep `and`, `or` and `not` may be nested.
pub(crate) const DEEPEST: usize = 8;
/// The most comparisons of one filter.
pub(crate) const MOST_COMPARISONS: usize = 50;
/// The most values of one list.
pub(crate) const MOST_VALUES: usize = 200;
/// The most values of all lists of one filter together.
const MOST_VALUES_TOGETHER: usize = 400;

/// A filter whose fields, operators and values are valid.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// All of them hold; none holds for every item.
    All(Vec<Condition>),
    /// One of them holds; none holds for no item.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Comparison(Box<Comparison>),
}

/// A field, an operator that it has, and what it is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) field: Field,
    pub(crate) test: Test,
}

/// What is asked of a field's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Equal(Value),
    OneOf(Vec<Value>),
    Unequal(Value),
    NoneOf(Vec<Value>),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    Between(Value, Value),
    Contains(String),
    StartsWith(String),
    Null(bool),
    HasAll(Vec<Value>),
}

impl Condition {
    /// Whether it asks about this field and about no other.
    pub(crate) fn is_only_about(&self, name: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.is_only_about(name)),
            Self::Not(part) => part.is_only_about(name),
            Self::Comparison(comparison) => comparison.field.name() == name,
        }
    }

    /// The parts that all have to hold.
    pub(crate) fn into_parts(self) -> Vec<Condition> {
        match self {
            Self::All(parts) => parts.into_iter().flat_map(Self::into_parts).collect(),
            other => vec![other],
        }
    }

    /// How many comparisons it has.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::size).sum(),
            Self::Not(part) => part.size(),
            Self::Comparison(_) => 1,
        }
    }
}

/// The values of a comparison as they stand in the request.
pub(crate) enum Given<'r> {
    /// From a body.
    Json(Option<&'r Json>),
    /// From a query string: the words behind the operator.
    Words(&'r [String]),
}

/// Reads filters of one registry and collects what is wrong with them.
pub(crate) struct Reader<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) found: Found,
    comparisons: usize,
    values: usize,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(registry: &'r Registry) -> Self {
        Self { registry, found: Found::default(), comparisons: 0, values: 0 }
    }

    /// Reads a filter of a body. What it gives back is of use only when nothing was found to be wrong.
    pub(crate) fn filter(&mut self, json: &Json, at: &str) -> Condition {
        self.node(json, at, 1)
    }

    fn node(&mut self, json: &Json, at: &str, depth: usize) -> Condition {
        let nothing = Condition::All(Vec::new());
        if depth > DEEPEST {
            self.found.add(at, format!("is nested deeper than {DEEPEST} levels; write it flatter"));
            return nothing;
        }
        let Json::Object(node) = json else {
            self.found.add(at, "must be an object: {\"field\": …, \"op\": …, \"value\": …}, {\"and\": […]}, {\"or\": […]} or {\"not\": {…}}");
            return nothing;
        };
        match (node.len(), node.get("and"), node.get("or"), node.get("not")) {
            (1, Some(parts), _, _) => Condition::All(self.parts(parts, &format!("{at}.and"), depth)),
            (1, _, Some(parts), _) => Condition::Any(self.parts(parts, &format!("{at}.or"), depth)),
            (1, _, _, Some(part)) => Condition::Not(Box::new(self.node(part, &format!("{at}.not"), depth + 1))),
            _ => self.leaf(node, at).map_or(nothing, |comparison| Condition::Comparison(Box::new(comparison))),
        }
    }

    fn parts(&mut self, json: &Json, at: &str, depth: usize) -> Vec<Condition> {
        let Json::Array(parts) = json else {
            self.found.add(at, "must be a list of conditions");
            return Vec::new();
        };
        if parts.is_empty() || parts.len() > MOST_COMPARISONS {
            self.found.add(at, format!("must have 1 to {MOST_COMPARISONS} conditions"));
            return Vec::new();
        }
        parts.iter().enumerate().map(|(index, part)| self.node(part, &format!("{at}[{index}]"), depth + 1)).collect()
    }

    fn leaf(&mut self, node: &Map<String, Json>, at: &str) -> Option<Comparison> {
        const MEMBERS: [&str; 3] = ["field", "op", "value"];
        if let Some(other) = node.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            let allowed = ["field", "op", "value", "and", "or", "not"];
            self.found.add(
                at,
                format!(
                    "{}; a condition has \"field\", \"op\" and \"value\", or one of the others alone",
                    unknown("member", other, &allowed)
                ),
            );
            return None;
        }
        let mut text = |member: &str| match node.get(member) {
            Some(Json::String(text)) => Some(text.as_str()),
            _ => {
                self.found.add(format!("{at}.{member}"), "is needed, as text");
                None
            }
        };
        let (field, operator) = (text("field"), text("op"));
        self.comparison(field?, operator?, &Given::Json(node.get("value")), at)
    }

    /// Reads one comparison, from a body or from a query string.
    pub(crate) fn comparison(
        &mut self,
        field: &str,
        operator: &str,
        given: &Given<'_>,
        at: &str,
    ) -> Option<Comparison> {
        self.comparisons += 1;
        if self.comparisons == MOST_COMPARISONS + 1 {
            self.found.add("filter", format!("has more than {MOST_COMPARISONS} comparisons; ask for less at once"));
        }
        if self.comparisons > MOST_COMPARISONS {
            return None;
        }
        let Some(known) = self.registry.field(field) else {
            if !self.found.has_room() {
                return None;
            }
            let reason = self.registry.unknown(field, |field| !field.operators().is_empty());
            self.found.add(format!("{at}.field"), reason);
            return None;
        };
        let operators = known.operators();
        let Some(operator) = Operator::from_str(operator).ok().filter(|operator| operators.contains(operator)) else {
            let names: Vec<&str> = operators.iter().map(|operator| operator.as_str()).collect();
            let reason = if Operator::VARIANTS.contains(&operator) {
                format!("{operator} is not for the field \"{field}\", which has {}", quoted(&names))
            } else {
                unknown("operator", operator, &names)
            };
            self.found.add(format!("{at}.op"), reason);
            return None;
        };
        let field = known.clone();
        let test = self.test(&field, operator, given, &format!("{at}.value"))?;
        Some(Comparison { field, test })
    }

    fn test(&mut self, field: &Field, operator: Operator, given: &Given<'_>, at: &str) -> Option<Test> {
        let mut one = || self.one(field, given, at);
        match operator {
            Operator::Eq => one().map(Test::Equal),
            Operator::Ne => one().map(Test::Unequal),
            Operator::Lt => one().map(Test::Less),
            Operator::Lte => one().map(Test::LessOrEqual),
            Operator::Gt => one().map(Test::Greater),
            Operator::Gte => one().map(Test::GreaterOrEqual),
            Operator::Contains | Operator::StartsWith => {
                let Value::Text(text) = one()? else { return None };
                if text.is_empty() {
                    self.found.add(at, "must have at least one character");
                    return None;
                }
                Some(if operator == Operator::Contains { Test::Contains(text) } else { Test::StartsWith(text) })
            }
            Operator::In | Operator::HasAny => self.many(field, given, at).map(Test::OneOf),
            Operator::Nin => self.many(field, given, at).map(Test::NoneOf),
            Operator::HasAll => {
                let mut each: Vec<Value> = Vec::new();
                for value in self.many(field, given, at)? {
                    if !each.contains(&value) {
                        each.push(value);
                    }
                }
                Some(Test::HasAll(each))
            }
            Operator::Between => {
                let bounds = self.many(field, given, at)?;
                match <[Value; 2]>::try_from(bounds) {
                    Ok([from, to]) if same_currency(&from, &to) => Some(Test::Between(from, to)),
                    Ok(_) => {
                        self.found.add(at, "must have both amounts in one currency");
                        None
                    }
                    Err(_) => {
                        self.found.add(at, "must be a list of two values: the least and the greatest");
                        None
                    }
                }
            }
            Operator::IsNull => {
                let truth = match given {
                    Given::Json(Some(Json::Bool(truth))) => Some(*truth),
                    Given::Words(words) => match *words {
                        [] => Some(true),
                        [word] => word.parse().ok(),
                        _ => None,
                    },
                    Given::Json(_) => None,
                };
                if truth.is_none() {
                    self.found.add(at, "must be true or false");
                }
                truth.map(Test::Null)
            }
        }
    }

    fn one(&mut self, field: &Field, given: &Given<'_>, at: &str) -> Option<Value> {
        let value = match given {
            Given::Json(json) => json.and_then(|json| field.kind.read(&Raw::Json(json))),
            Given::Words([word]) => field.kind.read(&Raw::Word(word)),
            Given::Words(_) => None,
        };
        if value.is_none() {
            self.found.add(at, format!("must be {}", field.kind.described()));
        }
        value
    }

    fn many(&mut self, field: &Field, given: &Given<'_>, at: &str) -> Option<Vec<Value>> {
        let raw: Vec<Raw<'_>> = match given {
            Given::Json(Some(Json::Array(list))) => list.iter().map(Raw::Json).collect(),
            Given::Json(_) => {
                self.found.add(at, format!("must be a list, each {}", field.kind.described()));
                return None;
            }
            Given::Words(words) => words.iter().map(|word| Raw::Word(word)).collect(),
        };
        if raw.is_empty() || raw.len() > MOST_VALUES {
            self.found.add(at, format!("must have 1 to {MOST_VALUES} values"));
            return None;
        }
        self.values += raw.len();
        if self.values > MOST_VALUES_TOGETHER {
            self.found
                .add(at, format!("makes more than {MOST_VALUES_TOGETHER} values in all lists; ask for less at once"));
            return None;
        }
        let mut values = Vec::with_capacity(raw.len());
        for (index, raw) in raw.iter().enumerate() {
            match field.kind.read(raw) {
                Some(value) => values.push(value),
                None => self.found.add(format!("{at}[{index}]"), format!("must be {}", field.kind.described())),
            }
        }
        (values.len() == raw.len()).then_some(values)
    }
}

fn same_currency(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Price(one), Value::Price(other)) => one.currency() == other.currency(),
        _ => true,
    }
}
