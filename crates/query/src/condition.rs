//! Conditions as SQL. The rule: a condition is true or false for every row, never unknown: what has no value is unequal to
//! everything, and "not" goes down to the comparisons.

use serde_json::json;

use crate::field::{Field, Source};
use crate::filter::{Comparison, Condition, Test};
use crate::sql::{Bound, Sql};
use crate::value::{Kind, Value};

/// Writes conditions about rows `r`.
pub(crate) struct Writer<'w> {
    pub(crate) sql: &'w mut Sql,
    /// The entity's search text, which the index serves.
    pub(crate) search: Option<&'static str>,
}

impl Writer<'_> {
    /// Writes a condition; `holds` is false where it must not hold.
    pub(crate) fn condition(&mut self, condition: &Condition, holds: bool) {
        match condition {
            Condition::Not(part) => self.condition(part, !holds),
            Condition::All(parts) => self.parts(parts, holds, holds),
            Condition::Any(parts) => self.parts(parts, !holds, holds),
            Condition::Comparison(comparison) => self.comparison(comparison, holds),
        }
    }

    /// All of the parts, or one of them. No part at all is true for "all" and false for "one of".
    fn parts(&mut self, parts: &[Condition], all: bool, holds: bool) {
        if parts.is_empty() {
            self.sql.push(if all { "true" } else { "false" });
            return;
        }
        self.sql.push("(");
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.sql.push(if all { " and " } else { " or " });
            }
            self.condition(part, holds);
        }
        self.sql.push(")");
    }

    fn comparison(&mut self, Comparison { field, test }: &Comparison, holds: bool) {
        // An inequality is the opposite of an equality, so that what has no value is unequal.
        let (test, holds) = match test {
            Test::Unequal(value) => (&Test::Equal(value.clone()), !holds),
            Test::NoneOf(values) => (&Test::OneOf(values.clone()), !holds),
            Test::Null(truth) => (&Test::Null(true), *truth == holds),
            other => (other, holds),
        };
        let text = match &field.source {
            Source::Column(expression) => self.column(field, expression, test),
            Source::Array(array) => self.array(array, test),
            Source::Related { from, column } => self.related(field, from, column, test),
            Source::Membership { any, array } => self.membership(any, array, test),
            Source::Member { object, name, many } => self.member(field, object, name, *many, test),
        };
        let may_be_unknown = field.nullable || matches!(field.source, Source::Membership { .. });
        match (holds, may_be_unknown) {
            (true, _) => self.sql.push(&format!("({text})")),
            (false, true) => self.sql.push(&format!("({text}) is not true")),
            (false, false) => self.sql.push(&format!("not ({text})")),
        }
    }

    /// A test of an expression with one value. It is null where the value is, but for [`Test::Null`].
    fn column(&mut self, field: &Field, expression: &str, test: &Test) -> String {
        if let (Some(_), Test::OneOf(amounts)) = (field.currency, test) {
            let each: Vec<String> =
                amounts.iter().map(|amount| self.column(field, expression, &Test::Equal(amount.clone()))).collect();
            return format!("({})", each.join(" or "));
        }
        let plain = self.compared(expression, test);
        match (field.currency, currency_of(test)) {
            (Some(currency), Some(code)) => {
                let code = self.sql.bind(Bound::Text(code.to_owned()));
                format!("{currency} = {code} and {plain}")
            }
            _ => format!("{plain}{}", self.prefilter(field, test)),
        }
    }

    fn compared(&mut self, expression: &str, test: &Test) -> String {
        let mut bind = |value: &Value| self.sql.bind(value.clone());
        match test {
            Test::Equal(value) | Test::Unequal(value) => format!("{expression} = {}", bind(value)),
            Test::Less(value) => format!("{expression} < {}", bind(value)),
            Test::LessOrEqual(value) => format!("{expression} <= {}", bind(value)),
            Test::Greater(value) => format!("{expression} > {}", bind(value)),
            Test::GreaterOrEqual(value) => format!("{expression} >= {}", bind(value)),
            Test::Between(from, to) => {
                let (from, to) = (bind(from), bind(to));
                format!("{expression} >= {from} and {expression} <= {to}")
            }
            Test::OneOf(values) | Test::NoneOf(values) | Test::HasAll(values) => {
                format!("{expression} = any({})", self.sql.bind(Bound::list(values)))
            }
            Test::Contains(text) => {
                format!("{expression} ilike {}", self.sql.bind(Bound::Text(format!("%{}%", escaped(text)))))
            }
            Test::StartsWith(text) => {
                format!("{expression} ilike {}", self.sql.bind(Bound::Text(format!("{}%", escaped(text)))))
            }
            Test::Null(_) => format!("{expression} is null"),
        }
    }

    /// What follows from a text that is contained or equal, for the index of the search text: each of its words of three
    /// letters or more is contained in that. Only Latin letters, of which each is folded alike whatever stands beside it.
    fn prefilter(&mut self, field: &Field, test: &Test) -> String {
        let (Test::Contains(text) | Test::StartsWith(text) | Test::Equal(Value::Text(text))) = test else {
            return String::new();
        };
        let (Some(search), true) = (self.search, field.searched) else { return String::new() };
        let words = text.split(|letter: char| !is_latin(letter)).filter(|word| word.chars().count() > 2).take(4);
        words
            .map(|word| {
                if word.is_ascii() {
                    let word = self.sql.bind(Bound::Text(format!("%{}%", word.to_lowercase())));
                    return format!(" and {search} like {word}");
                }
                let word = self.sql.bind(Bound::Text(word.to_owned()));
                format!(" and {search} like '%' || trim(search_text({word})) || '%'")
            })
            .collect()
    }

    fn array(&mut self, array: &str, test: &Test) -> String {
        match test {
            Test::Equal(value) => format!("{array} && {}", self.sql.bind(Bound::list(std::slice::from_ref(value)))),
            Test::OneOf(values) => format!("{array} && {}", self.sql.bind(Bound::list(values))),
            Test::HasAll(values) => format!("{array} @> {}", self.sql.bind(Bound::list(values))),
            // The registry gives an array no other operator.
            _ => format!("cardinality({array}) = 0"),
        }
    }

    fn related(&mut self, field: &Field, from: &str, column: &str, test: &Test) -> String {
        if let Test::HasAll(values) = test {
            return format!("array(select {column} from {from}) @> {}", self.sql.bind(Bound::list(values)));
        }
        if matches!(test, Test::Null(_)) {
            return format!("not exists (select 1 from {from} and {column} is not null)");
        }
        let compared = self.column(field, column, test);
        format!("exists (select 1 from {from} and {compared})")
    }

    fn membership(&mut self, any: &str, array: &str, test: &Test) -> String {
        let mut among = |values: &[Value]| {
            let list = self.sql.bind(Bound::list(values));
            format!("({})", any.replace("{}", &list))
        };
        match test {
            Test::Equal(value) => among(std::slice::from_ref(value)),
            Test::OneOf(values) => among(values),
            Test::HasAll(values) => values.chunks(1).map(among).collect::<Vec<_>>().join(" and "),
            // The registry gives a membership no other operator.
            _ => format!("cardinality({array}) = 0"),
        }
    }

    fn member(&mut self, field: &Field, object: &str, name: &str, many: bool, test: &Test) -> String {
        // What contains {"name": value} is found by the index of the object.
        let mut has = |value: &Value| {
            let value = if many { json!([plain(value)]) } else { plain(value) };
            format!("{object} @> {}", self.sql.bind(Bound::Json(json!({ name: value }))))
        };
        match test {
            Test::Equal(value) => has(value),
            Test::OneOf(values) => format!("({})", values.iter().map(has).collect::<Vec<_>>().join(" or ")),
            Test::HasAll(values) => values.iter().map(has).collect::<Vec<_>>().join(" and "),
            Test::Null(_) => format!("{object} -> {} is null", self.sql.bind(Bound::Text(name.to_owned()))),
            other => {
                let value = member_value(self.sql, &field.kind, object, name);
                self.compared(&value, &with_days_as_texts(other))
            }
        }
    }
}

/// The value of a member with one value, of the type that its kind is compared as. Null where it has another type.
pub(crate) fn member_value(sql: &mut Sql, kind: &Kind, object: &str, name: &str) -> String {
    let name = sql.bind(Bound::Text(name.to_owned()));
    match kind {
        Kind::Integer | Kind::Number => {
            format!("case when jsonb_typeof({object} -> {name}) = 'number' then ({object} ->> {name})::numeric end")
        }
        _ => format!("({object} ->> {name})"),
    }
}

/// A JSON object has days as texts, whose order is that of time.
fn with_days_as_texts(test: &Test) -> Test {
    let text = |value: &Value| match value {
        Value::Date(day) => Value::Text(day.to_string()),
        other => other.clone(),
    };
    match test {
        Test::Less(value) => Test::Less(text(value)),
        Test::LessOrEqual(value) => Test::LessOrEqual(text(value)),
        Test::Greater(value) => Test::Greater(text(value)),
        Test::GreaterOrEqual(value) => Test::GreaterOrEqual(text(value)),
        Test::Between(from, to) => Test::Between(text(from), text(to)),
        other => other.clone(),
    }
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => json!(text),
        Value::Id(uuid) => json!(uuid),
        Value::Integer(number) => json!(number),
        Value::Number(digits) => serde_json::from_str(digits).unwrap_or_default(),
        Value::Price(money) => json!(money),
        Value::Boolean(truth) => json!(truth),
        Value::Time(time) => json!(time),
        Value::Date(day) => json!(day.to_string()),
    }
}

fn currency_of(test: &Test) -> Option<&'static str> {
    match test {
        Test::Equal(Value::Price(money))
        | Test::Less(Value::Price(money))
        | Test::LessOrEqual(Value::Price(money))
        | Test::Greater(Value::Price(money))
        | Test::GreaterOrEqual(Value::Price(money))
        | Test::Between(Value::Price(money), _) => Some(money.currency().code()),
        _ => None,
    }
}

/// Whether it is a digit or a Latin letter, marks of Vietnamese included.
fn is_latin(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && letter.is_alphabetic()
}

/// A text as a pattern that means nothing but itself.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
