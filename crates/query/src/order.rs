//! The order of a list and the mark where a page begins.
//! The rule: the order is total, since the item's id ends it, so a walk over all pages gives each item exactly once. What
//! has no value comes last, in both directions of a sort.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::condition::member_value;
use crate::fault::Found;
use crate::field::{Registry, Source};
use crate::sql::{Bound, Sql};
use crate::value::{Kind, Raw};

/// The most fields that a list is sorted by.
pub(crate) const MOST_SORTS: usize = 4;

/// By how many letters of a text in a JSON object a list is sorted.
const MEMBER_LETTERS: usize = 80;

/// One key of the order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    expression: Expression,
    kind: Kind,
    nullable: bool,
    descending: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Constant(&'static str),
    Member {
        object: &'static str,
        name: String,
    },
    /// How well the item fits the words that were searched for.
    Relevance,
}

/// Where a page begins: behind or before the item with these values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The values of all keys, as PostgreSQL's JSON has them.
    #[serde(rename = "k")]
    pub(crate) keys: Vec<Json>,
    /// Whether the page ends before the item.
    #[serde(rename = "b", default)]
    pub(crate) backward: bool,
    /// Whether the item itself is on the page: it was not, on the page that this one is reached from.
    #[serde(rename = "i", default)]
    pub(crate) inclusive: bool,
    /// Whether the words are searched for with typing errors forgiven.
    #[serde(rename = "f", default)]
    pub(crate) forgiving: bool,
}

/// The keys that a request has named, and the id.
pub(crate) fn keys(registry: &Registry, sorts: &[String], searches: bool, found: &mut Found) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    if sorts.len() > MOST_SORTS {
        found.add("sort", format!("names more than {MOST_SORTS} fields"));
    }
    if sorts.is_empty() && searches {
        keys.push(Key { expression: Expression::Relevance, kind: Kind::Integer, nullable: false, descending: true });
    } else if sorts.is_empty() {
        keys.extend(key(registry, registry.order));
    }
    for (index, sort) in sorts.iter().take(MOST_SORTS).enumerate() {
        match key(registry, sort) {
            Some(key) => keys.push(key),
            None => {
                let name = sort.strip_prefix('-').unwrap_or(sort);
                let reason = match registry.field(name) {
                    Some(_) => format!("\"{name}\" is not a field to sort by"),
                    None => registry.unknown(name, crate::field::Field::is_sorted),
                };
                found.add(format!("sort[{index}]"), reason);
            }
        }
    }
    let id = Expression::Constant(registry.key);
    // The id goes the way of the key before it, so that one index serves both directions. What stands behind the id sorts nothing.
    match keys.iter().position(|key| key.expression == id) {
        Some(position) => keys.truncate(position + 1),
        None => {
            let descending = keys.last().is_some_and(|key| key.descending);
            let kind = registry.field("id").map_or(Kind::Text, |field| field.kind.clone());
            keys.push(Key { expression: id, kind, nullable: false, descending });
        }
    }
    keys
}

fn key(registry: &Registry, sort: &str) -> Option<Key> {
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    let field = registry.field(name)?;
    if registry.for_everybody && matches!(field.source, Source::Member { .. }) {
        return None;
    }
    let (expression, kind) = field.sort.as_ref()?;
    let expression = match &field.source {
        Source::Member { object, name, .. } => Expression::Member { object, name: name.clone() },
        _ => Expression::Constant(expression),
    };
    let stands_for_itself = matches!(field.source, Source::Column(own) if Expression::Constant(own) == expression);
    let nullable = field.nullable && (stands_for_itself || matches!(expression, Expression::Member { .. }));
    Some(Key { expression, kind: kind.clone(), nullable, descending })
}

impl Key {
    fn write(&self, sql: &mut Sql, relevance: &str) -> String {
        match &self.expression {
            Expression::Constant(expression) => (*expression).to_owned(),
            // A cursor has no room for the longest texts; the id makes the order total.
            Expression::Member { object, name } if self.is_text() => {
                format!("left({}, {MEMBER_LETTERS})", member_value(sql, &self.kind, object, name))
            }
            Expression::Member { object, name } => member_value(sql, &self.kind, object, name),
            Expression::Relevance => relevance.to_owned(),
        }
    }

    /// The value of a mark; none when it is not of this key's kind. `Some(None)` is no value.
    fn bound(&self, value: &Json) -> Option<Option<Bound>> {
        match (&self.kind, value) {
            (_, Json::Null) => self.nullable.then_some(None),
            (Kind::Id(_), Json::String(text)) => Uuid::parse_str(text).ok().map(|uuid| Some(Bound::Id(uuid))),
            (Kind::Boolean, Json::Bool(truth)) => Some(Some(Bound::Boolean(*truth))),
            (_, Json::String(text)) if matches!(self.expression, Expression::Member { .. }) => {
                Some(Some(Bound::Text(text.clone())))
            }
            // A stored text may be longer than one of a request.
            (Kind::Text | Kind::Choice(_), Json::String(text)) => Some(Some(Bound::Text(text.clone()))),
            (Kind::Integer, value) => {
                value.as_i64().map(|number| Some(Bound::Integer(number))).or_else(|| self.numeric(value))
            }
            (Kind::Number, value) => self.numeric(value),
            (kind, value) => kind.read(&Raw::Json(value)).map(|value| Some(value.into())),
        }
    }

    /// Whether a member of a JSON object is compared as text: days and truths are, too.
    fn is_text(&self) -> bool {
        !matches!(self.kind, Kind::Integer | Kind::Number)
    }

    fn numeric(&self, value: &Json) -> Option<Option<Bound>> {
        value.as_number().map(|number| Some(Bound::Number(number.to_string())))
    }
}

/// The list of the keys' values for the mark of an item.
pub(crate) fn write_values(keys: &[Key], sql: &mut Sql, relevance: &str) -> String {
    let values: Vec<String> = keys.iter().map(|key| key.write(sql, relevance)).collect();
    format!("jsonb_build_array({})", values.join(", "))
}

/// The ORDER BY, the other way round for a page before its mark.
pub(crate) fn write_order(keys: &[Key], backward: bool, sql: &mut Sql, relevance: &str) -> String {
    let each = keys.iter().map(|key| {
        let nulls = match (key.nullable, backward) {
            (false, _) => "",
            (true, false) => " nulls last",
            (true, true) => " nulls first",
        };
        let direction = if key.descending == backward { "asc" } else { "desc" };
        format!("{} {direction}{nulls}", key.write(sql, relevance))
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The condition for what comes behind the mark, or before it. None when the mark does not fit the keys.
pub(crate) fn write_beyond(keys: &[Key], mark: &Mark, sql: &mut Sql, relevance: &str) -> Option<String> {
    if keys.len() != mark.keys.len() {
        return None;
    }
    let bounds: Vec<Option<Bound>> =
        keys.iter().zip(&mark.keys).map(|(key, value)| key.bound(value)).collect::<Option<_>>()?;
    let expressions: Vec<String> = keys.iter().map(|key| key.write(sql, relevance)).collect();
    let placeholders: Vec<Option<String>> =
        bounds.into_iter().map(|bound| bound.map(|bound| sql.bind(bound))).collect();
    let ascending = |key: &Key| key.descending == mark.backward;
    let same_way = keys.windows(2).all(|pair| pair[0].descending == pair[1].descending);
    let sign = |key: &Key| if ascending(key) { ">" } else { "<" };
    let equal_too = if mark.inclusive { "=" } else { "" };
    if same_way && keys.iter().all(|key| !key.nullable) {
        let values: Vec<String> = placeholders.into_iter().flatten().collect();
        return Some(format!("({}) {}{equal_too} ({})", expressions.join(", "), sign(&keys[0]), values.join(", ")));
    }
    // Equal in the first keys and beyond in the next one, for each number of first keys.
    let mut ways = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let beyond = match (&placeholders[index], mark.backward) {
            (Some(value), false) if key.nullable => {
                format!("({0} {1} {value} or {0} is null)", expressions[index], sign(key))
            }
            // The id, which is the last of the keys, is never without a value.
            (Some(value), _) if index + 1 == keys.len() => {
                format!("{} {}{equal_too} {value}", expressions[index], sign(key))
            }
            (Some(value), _) => format!("{} {} {value}", expressions[index], sign(key)),
            // Nothing comes behind what has no value, and everything that has one before it.
            (None, false) => continue,
            (None, true) => format!("{} is not null", expressions[index]),
        };
        let equal = (0..index).map(|before| match &placeholders[before] {
            Some(value) => format!("{} = {value}", expressions[before]),
            None => format!("{} is null", expressions[before]),
        });
        let parts: Vec<String> = equal.chain([beyond]).collect();
        ways.push(format!("({})", parts.join(" and ")));
    }
    let condition = format!("({})", ways.join(" or "));
    // What the scan of an index can begin at.
    match (&placeholders[0], keys[0].nullable) {
        (Some(value), false) => Some(format!("{} {}= {value} and {condition}", expressions[0], sign(&keys[0]))),
        _ => Some(condition),
    }
}
