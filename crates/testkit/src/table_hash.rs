//! One number for everything in a table, whatever the order of its rows: equal tables, equal hashes.
//!
//! The rule it keeps: a column is left out only when the test names it.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::must;

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHash {
    /// How many rows.
    pub rows: i64,
    /// The sum of the rows' hashes.
    pub hash: String,
}

/// The hash of every table of a schema. `excluded` names what differs by nature: `table.column`, `*.column` or
/// `table.*`. `client` must see every row: a superuser, since the policies bind owners too.
pub async fn table_hashes(client: &Client, schema: &str, excluded: &[&str]) -> BTreeMap<String, TableHash> {
    let columns = must(
        client
            .query(
                "select c.table_name::text, c.column_name::text
                   from information_schema.columns c
                   join information_schema.tables t using (table_schema, table_name)
                  where c.table_schema = $1 and t.table_type = 'BASE TABLE' and c.table_name not like '\\_\\_diesel%'
                  order by 1, c.ordinal_position",
                &[&schema],
            )
            .await,
        "list the columns",
    );
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in columns {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let is_out = |name: &&str| {
            name.split_once('.')
                .is_some_and(|(of, which)| (of == "*" || of == table) && (which == "*" || which == column))
        };
        if !excluded.contains(&format!("{table}.*").as_str()) {
            let kept = tables.entry(table.clone()).or_default();
            if !excluded.iter().any(is_out) {
                kept.push(format!("\"{column}\""));
            }
        }
    }
    let mut hashes = BTreeMap::new();
    for (table, columns) in tables {
        let statement = format!(
            "select count(*), coalesce(sum(('x' || left(md5(row({})::text), 16))::bit(64)::bigint::numeric), 0)::text
               from \"{schema}\".\"{table}\"",
            columns.join(", ")
        );
        let row = must(client.query_one(&statement, &[]).await, "hash a table");
        hashes.insert(table, TableHash { rows: row.get(0), hash: row.get(1) });
    }
    hashes
}
