//! What a stolen password of one service would open: that service's schema, and nothing else.

use devstack::DatabaseRole;
use e2e::{SCHEMAS, together};
use tokio_postgres::error::SqlState;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn no_role_of_a_service_can_read_or_write_another_service_s_schema() {
    let store = together(&WISHES).await;
    let superuser = store.superuser().await;
    let statement = "select table_schema::text, table_name::text from information_schema.tables
                     where table_schema = any($1) and table_type = 'BASE TABLE' order by 1, 2";
    let rows = superuser.query(statement, &[&SCHEMAS.as_slice()]).await.unwrap();
    let tables: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut refused = 0;
    for service in SCHEMAS {
        assert!(
            tables.iter().filter(|(schema, _)| schema == service).count() > 5,
            "{service} has too few tables: {tables:?}"
        );
        for role in DatabaseRole::ALL {
            let client = store.role(service, role).await;
            for (schema, table) in tables.iter().filter(|(schema, _)| schema != service) {
                for attempt in [
                    format!("select 1 from \"{schema}\".\"{table}\" limit 1"),
                    format!("delete from \"{schema}\".\"{table}\" where false"),
                    format!("create table \"{schema}\".planted (id int)"),
                ] {
                    let outcome = client.batch_execute(&attempt).await;
                    let error = outcome.expect_err(&format!("{service}_{role} may: {attempt}"));
                    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{service}_{role}: {attempt}");
                    refused += 1;
                }
            }
            // The wall is around the others, not around everything.
            if role == DatabaseRole::App {
                client.batch_execute(&format!("select 1 from \"{service}\".replays limit 1")).await.unwrap();
            }
        }
    }
    println!("{refused} attempts refused");
}
