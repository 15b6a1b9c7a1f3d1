//! The text of a statement and its values, and how they are sent.
//! The rule: a value of a request is never a part of the text.

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Date, Jsonb, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use kernel::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::value::Value;

/// A value that is sent beside the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Text(String),
    Texts(Vec<String>),
    Id(Uuid),
    Ids(Vec<Uuid>),
    Integer(i64),
    Integers(Vec<i64>),
    /// Sent as text and cast to `numeric`.
    Number(String),
    Numbers(Vec<String>),
    Boolean(bool),
    Booleans(Vec<bool>),
    Time(Timestamp),
    Times(Vec<Timestamp>),
    Date(NaiveDate),
    Dates(Vec<NaiveDate>),
    Json(Json),
}

impl From<Value> for Bound {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Id(uuid) => Self::Id(uuid),
            Value::Integer(number) => Self::Integer(number),
            Value::Number(digits) => Self::Number(digits),
            Value::Price(money) => Self::Integer(money.minor()),
            Value::Boolean(truth) => Self::Boolean(truth),
            Value::Time(time) => Self::Time(time),
            Value::Date(day) => Self::Date(day),
        }
    }
}

impl Bound {
    /// Values of one kind as one array.
    pub(crate) fn list(values: &[Value]) -> Self {
        macro_rules! all {
            ($variant:ident) => {
                values
                    .iter()
                    .filter_map(|value| if let Value::$variant(value) = value { Some(value.clone()) } else { None })
                    .collect()
            };
        }
        match values.first() {
            None | Some(Value::Text(_)) => Self::Texts(all!(Text)),
            Some(Value::Id(_)) => Self::Ids(all!(Id)),
            Some(Value::Integer(_)) => Self::Integers(all!(Integer)),
            Some(Value::Number(_)) => Self::Numbers(all!(Number)),
            Some(Value::Boolean(_)) => Self::Booleans(all!(Boolean)),
            Some(Value::Time(_)) => Self::Times(all!(Time)),
            Some(Value::Date(_)) => Self::Dates(all!(Date)),
            Some(Value::Price(_)) => Self::Integers(
                values
                    .iter()
                    .filter_map(|value| if let Value::Price(money) = value { Some(money.minor()) } else { None })
                    .collect(),
            ),
        }
    }
}

/// A statement that is being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    text: String,
    bound: Vec<Bound>,
    /// Whether PostgreSQL may keep its plan: the text is one of few, and the plan does not hang on the values.
    kept: bool,
}

impl Sql {
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value and gives its placeholder.
    pub(crate) fn bind(&mut self, value: impl Into<Bound>) -> String {
        let value = value.into();
        let cast = match value {
            Bound::Number(_) => "::numeric",
            Bound::Numbers(_) => "::numeric[]",
            _ => "",
        };
        self.bound.push(value);
        format!("${}{cast}", self.bound.len())
    }

    /// Lets PostgreSQL keep the plan.
    pub(crate) fn kept(mut self, kept: bool) -> Self {
        self.kept = kept;
        self
    }

    /// The same statement behind some words, such as `explain `.
    pub(crate) fn behind(&self, words: &str) -> Self {
        Self { text: format!("{words}{}", self.text), bound: self.bound.clone(), kept: false }
    }

    /// The text with placeholders.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        // Diesel numbers a placeholder where its value is pushed. Pushed into a comment they are numbered from $1 in order,
        // and the text behind the comment may use them freely.
        out.push_sql("/*");
        for bound in &self.bound {
            match bound {
                Bound::Text(value) | Bound::Number(value) => out.push_bind_param::<Text, _>(value)?,
                Bound::Texts(values) | Bound::Numbers(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                Bound::Id(value) => out.push_bind_param::<SqlUuid, _>(value)?,
                Bound::Ids(values) => out.push_bind_param::<Array<SqlUuid>, _>(values)?,
                Bound::Integer(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bound::Integers(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
                Bound::Boolean(value) => out.push_bind_param::<Bool, _>(value)?,
                Bound::Booleans(values) => out.push_bind_param::<Array<Bool>, _>(values)?,
                Bound::Time(value) => out.push_bind_param::<Timestamptz, _>(value)?,
                Bound::Times(values) => out.push_bind_param::<Array<Timestamptz>, _>(values)?,
                Bound::Date(value) => out.push_bind_param::<Date, _>(value)?,
                Bound::Dates(values) => out.push_bind_param::<Array<Date>, _>(values)?,
                Bound::Json(value) => out.push_bind_param::<Jsonb, _>(value)?,
            }
        }
        out.push_sql("*/");
        out.push_sql(&self.text);
        Ok(())
    }
}

impl QueryId for Sql {
    // No static id: Diesel then caches by the text itself.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<Connection> diesel::query_dsl::RunQueryDsl<Connection> for Sql {}
