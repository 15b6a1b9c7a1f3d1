//! What a stolen password of one service would open: that service's schema, and nothing else. What a forgotten condition
//! would show of other organisations: nothing.

use devstack::DatabaseRole;
use devstack::services::schemas;
use e2e::{Shop, together};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn no_role_of_a_service_can_read_or_write_another_service_s_schema() {
    let store = together(&WISHES).await;
    let superuser = store.superuser().await;
    let statement = "select table_schema::text, table_name::text from information_schema.tables
                     where table_schema = any($1) and table_type = 'BASE TABLE' order by 1, 2";
    let rows = superuser.query(statement, &[&schemas()]).await.unwrap();
    let tables: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut refused = 0;
    for service in schemas() {
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

#[tokio::test(flavor = "multi_thread")]
async fn in_a_strange_organisation_the_application_s_roles_find_no_row_in_any_table() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "fenced").await;
    shop.category("fenced", None).await;
    shop.sell(&store, &[("FENCED", 100, 5)]).await;
    let placed = shop.place(&[("FENCED", 1)]).await;
    shop.reaches(placed.order, "confirmed").await;
    let superuser = store.superuser().await;
    let statement = "select c.table_name::text from information_schema.columns c
                       join information_schema.tables t using (table_schema, table_name)
                      where c.table_schema = $1 and c.column_name = 'org_id' and t.table_type = 'BASE TABLE'
                        and has_any_column_privilege($2, format('%I.%I', c.table_schema, c.table_name), 'select')
                      order by 1";
    let (mut looked, mut empty) = (0, Vec::new());
    for service in schemas() {
        let role = DatabaseRole::App.of(service);
        let app = store.role(service, DatabaseRole::App).await;
        let (one, another) = (Uuid::new_v4(), Uuid::new_v4());
        app.batch_execute(&format!("set app.org = '{one}'; set app.orgs = '{{{one},{another}}}'")).await.unwrap();
        for row in superuser.query(statement, &[&service, &role]).await.unwrap() {
            let table = format!("\"{service}\".{}", row.get::<_, String>(0));
            let rows = async |client: &Client| -> i64 {
                client.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0)
            };
            assert_eq!(rows(&app).await, 0, "{role} sees rows of other organisations in {table}");
            looked += 1;
            if rows(&superuser).await == 0 {
                empty.push(table);
            }
        }
    }
    println!("{looked} tables, without any row: {empty:?}");
}

/// Policies that let an application's role see or write a row whosever it is: they ask neither for the one organisation nor
/// for those of a batch. A person belongs to no organisation, and is seen by those that they are a member of.
async fn unfenced(client: &Client) -> Vec<String> {
    let statement = "select format('%s of %I.%I: %s', policyname, schemaname, tablename, expression)
                       from pg_policies cross join lateral (values (qual), (with_check)) as of_policy (expression)
                      where schemaname = any($1) and permissive = 'PERMISSIVE'
                        and exists (select from unnest(roles) as role where role = 'public' or role like '%\\_app')
                        and regexp_replace(coalesce(expression, qual, with_check, ''), '\\s+', ' ', 'g') not in
                            ('(org_id = (NULLIF(current_setting(''app.org''::text, true), ''''::text))::uuid)',
                             '(org_id = ANY (( SELECT (NULLIF(current_setting(''app.orgs''::text, true), ''''::text))::uuid[] AS \"nullif\")::uuid[]))',
                             '(EXISTS ( SELECT 1 FROM auth.memberships WHERE ((memberships.org_id = (NULLIF(current_setting(''app.org''::text, true), ''''::text))::uuid) AND (memberships.user_id = people.user_id) AND memberships.active)))')
                      order by 1";
    client.query(statement, &[&schemas()]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Views that an application's role may read and that do not ask for the organisation: a view reads as its owner does, who
/// sees every row.
async fn unfenced_views(client: &Client) -> Vec<String> {
    let fence = r"WHERE \(?\(\w*\.?org_id = \(NULLIF\(current_setting\('app.org'::text, true\), ''::text\)\)::uuid\)( AND .*)?;?$";
    let statement = "select format('%I.%I: %s', schemaname, viewname, definition) from pg_views
                      where schemaname = any($1)
                        and has_table_privilege(schemaname || '_app', format('%I.%I', schemaname, viewname), 'select')
                        and (regexp_replace(definition, '\\s+', ' ', 'g') !~ $2 or definition ~* '\\mor\\M')
                      order by 1";
    client.query(statement, &[&schemas(), &fence]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_of_an_application_s_role_asks_for_the_organisation() {
    let store = together(&WISHES).await;
    let client = store.superuser().await;
    assert_eq!(unfenced_views(&client).await, Vec::<String>::new());
    let views: i64 = client
        .query_one("select count(*) from pg_views where schemaname = any($1)", &[&schemas()])
        .await
        .unwrap()
        .get(0);
    assert!(views >= 7, "{views}");
    let organisation = "nullif(current_setting('app.org', true), '')::uuid";
    for condition in
        ["true".to_owned(), format!("org_id = {organisation} or true"), format!("org_id <> {organisation}")]
    {
        let leak = format!(
            "begin; create view catalog.leak as select * from catalog.categories where {condition};
             grant select on catalog.leak to catalog_app"
        );
        client.batch_execute(&leak).await.unwrap();
        let found = unfenced_views(&client).await;
        client.batch_execute("rollback").await.unwrap();
        assert!(found.iter().any(|view| view.starts_with("catalog.leak")), "{condition}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_of_an_application_s_role_asks_for_the_organisation() {
    let store = together(&WISHES).await;
    let client = store.superuser().await;
    assert_eq!(unfenced(&client).await, Vec::<String>::new());
    // One that does not is found, and so is one that only mentions it.
    for condition in [
        "true",
        "org_id = current_setting('app.org')::uuid or true",
        "org_id = any (current_setting('app.orgs')::uuid[]) or true",
    ] {
        let leak = format!("begin; create policy leak on catalog.categories to catalog_app using ({condition})");
        client.batch_execute(&leak).await.unwrap();
        let found = unfenced(&client).await;
        client.batch_execute("rollback").await.unwrap();
        assert!(found.iter().any(|policy| policy.starts_with("leak of catalog.categories")), "{condition}: {found:?}");
    }
}
