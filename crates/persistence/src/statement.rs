//! SQL text with binds whose prepared statement is cached, unlike `diesel::sql_query`.
//! The rule: the text is a constant of the program, so the cache of a connection stays bounded.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A constant SQL text and the values of its placeholders `$1`, `$2`, …; a placeholder may stand
/// several times. Rows are read by column name (`QueryableByName`).
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it is executed or loaded"]
pub struct Statement<B = ()> {
    sql: &'static str,
    binds: B,
}

/// A statement with the given text and no values yet.
pub fn statement(sql: &'static str) -> Statement {
    Statement { sql, binds: () }
}

impl<B> Statement<B> {
    /// Gives the next placeholder its value; the first call is `$1`.
    pub fn bind<Type, Value>(self, value: Value) -> Statement<(B, Bind<Type, Value>)> {
        Statement { sql: self.sql, binds: (self.binds, Bind { value, sql_type: PhantomData }) }
    }
}

/// One value and the SQL type that it is sent as.
#[derive(Debug, Clone)]
pub struct Bind<Type, Value> {
    value: Value,
    sql_type: PhantomData<fn() -> Type>,
}

/// The values of a statement, in the order of their placeholders.
pub trait Binds {
    /// Pushes the values onto the statement that is being built.
    ///
    /// # Errors
    /// When a value cannot be written as its SQL type.
    fn push<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

impl Binds for () {
    fn push<'b>(&'b self, _out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        Ok(())
    }
}

impl<B, Type, Value> Binds for (B, Bind<Type, Value>)
where
    B: Binds,
    Value: ToSql<Type, Pg>,
    Pg: HasSqlType<Type>,
{
    fn push<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.push(out.reborrow())?;
        out.push_bind_param::<Type, Value>(&self.1.value)
    }
}

impl<B: Binds> QueryFragment<Pg> for Statement<B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Diesel numbers a placeholder where its value is pushed. Pushed into a comment they are
        // numbered from $1 in order, and the text behind the comment may use them freely.
        out.push_sql("/*");
        self.binds.push(out.reborrow())?;
        out.push_sql("*/");
        out.push_sql(self.sql);
        Ok(())
    }
}

impl<B> QueryId for Statement<B> {
    // No static id: Diesel then caches by the text itself.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B> Query for Statement<B> {
    type SqlType = Untyped;
}

impl<B, Connection> diesel::query_dsl::RunQueryDsl<Connection> for Statement<B> {}
