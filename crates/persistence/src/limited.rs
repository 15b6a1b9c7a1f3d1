//! A SELECT that reads one page.
//! The rule: the limit is a part of the text. Behind a placeholder PostgreSQL takes it for a tenth of the table, finds
//! every plan too dear to keep, and plans each page anew, which costs more than reading it.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use kernel::PageSize;

/// A query and how many rows it reads at most.
#[derive(Debug, Clone, Copy)]
#[must_use = "a query does nothing until it is loaded"]
pub struct Limited<Q> {
    query: Q,
    size: PageSize,
}

/// The rows of one page, and one more or a few; the query itself has no limit.
pub fn limited<Q>(query: Q, size: PageSize) -> Limited<Q> {
    Limited { query, size }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Limited<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(&format!(" LIMIT {}", self.size.rows()));
        Ok(())
    }
}

impl<Q> QueryId for Limited<Q> {
    // No static id: Diesel then caches by the text itself.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Limited<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Connection> diesel::query_dsl::RunQueryDsl<Connection> for Limited<Q> {}
