//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
use serde_json::json;
use testkit::{Scene, assert_every_way_back};
use tokio_postgres::error::SqlState;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_role_sees_no_row_of_another_organisation() {
    let world = World::quiet().await;
    world.create("lamps").await;
    world.create("chairs").await;
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let root = world.scene.superuser().await;
    let lamps: String =
        root.query_one("select org_id::text from organisations where slug = 'lamps'", &[]).await.unwrap().get(0);
    for (organisation, expected) in [(lamps, "lamps"), (uuid::Uuid::nil().to_string(), "")] {
        tenant.batch_execute(&format!("begin; select set_config('app.org', '{organisation}', true)")).await.unwrap();
        let rows = tenant.query("select slug from organisations join memberships using (org_id)", &[]).await.unwrap();
        tenant.batch_execute("commit").await.unwrap();
        let slugs: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(slugs.join(","), expected);
    }
    assert!(tenant.query("select 1 from organisations", &[]).await.unwrap().is_empty(), "without an organisation");
    world.stop().await;
}

/// What the system role may do in the schema: the columns of each right, none for a right to the whole table.
const SYSTEM_MAY: &[(&str, &str, &str)] = &[
    ("__diesel_schema_migrations", "SELECT", ""),
    ("api_keys", "SELECT", "expires_at hash key_id last_used_at org_id permissions revoked_at version withdrawn"),
    ("api_keys", "UPDATE", "last_used_at version withdrawn"),
    ("customers", "INSERT", "active created_at customer_id email name org_id password_hash"),
    ("customers", "SELECT", "active created_at customer_id email name org_id password_hash"),
    ("customers", "UPDATE", "last_login_at password_hash"),
    ("inbox", "DELETE", ""),
    ("inbox", "SELECT", ""),
    ("invitations", "SELECT", "accepted_at email expires_at invitation_id org_id revoked_at roles token_hash version"),
    ("invitations", "UPDATE", "accepted_at version"),
    ("login_attempts", "DELETE", ""),
    ("login_attempts", "INSERT", "fades_since failures locked_until subject tried_at"),
    ("login_attempts", "SELECT", "fades_since failures locked_until subject tried tried_at"),
    ("login_attempts", "UPDATE", "fades_since failures locked_until tried tried_at"),
    ("memberships", "INSERT", "active joined_at membership_id org_id roles user_id version"),
    ("memberships", "SELECT", "active joined_at membership_id org_id roles user_id version"),
    ("memberships", "UPDATE", "active joined_at roles version"),
    ("operators", "INSERT", "created_at user_id"),
    ("operators", "SELECT", "created_at user_id"),
    ("organisations", "INSERT", "active country created_at currency name org_id slug time_zone version"),
    ("organisations", "SELECT", "active country created_at currency guests name org_id slug time_zone version"),
    ("organisations", "UPDATE", "active version"),
    ("outbox", "DELETE", ""),
    ("outbox", "INSERT", ""),
    ("outbox", "SELECT", ""),
    ("outbox_parked", "DELETE", ""),
    ("outbox_parked", "INSERT", ""),
    ("outbox_parked", "SELECT", ""),
    ("parked_keys", "DELETE", ""),
    ("parked_keys", "INSERT", ""),
    ("parked_keys", "SELECT", ""),
    ("parked_keys", "UPDATE", ""),
    ("password_resets", "DELETE", ""),
    ("password_resets", "INSERT", "account_id created_at expires_at token_hash"),
    ("password_resets", "SELECT", "account_id created_at expires_at token_hash"),
    ("password_resets", "UPDATE", "created_at expires_at token_hash"),
    ("people", "INSERT", "active created_at email name password_changed_at password_hash user_id"),
    ("people", "SELECT", "active created_at email name password_hash user_id"),
    ("people", "UPDATE", "last_login_at password_changed_at password_hash"),
    ("replays", "DELETE", ""),
    ("replays", "INSERT", ""),
    ("replays", "SELECT", ""),
    ("roles", "SELECT", "name org_id permissions updated_at version"),
    ("sessions", "DELETE", ""),
    (
        "sessions",
        "INSERT",
        "address created_at customer_id device expires_at generation last_used_at org_id refresh_hash rotated_at session_id \
         user_id",
    ),
    (
        "sessions",
        "SELECT",
        "address created_at customer_id device ended_at expires_at generation last_used_at org_id refresh_hash rotated_at session_id \
         user_id",
    ),
    ("sessions", "UPDATE", "ended_at generation last_used_at org_id refresh_hash rotated_at"),
    ("setup_tokens", "DELETE", ""),
    ("setup_tokens", "INSERT", "created_at only_one token_hash"),
    ("setup_tokens", "SELECT", "created_at only_one token_hash"),
    ("setup_tokens", "UPDATE", "created_at token_hash"),
    ("signing_keys", "DELETE", ""),
    (
        "signing_keys",
        "INSERT",
        "announced_at created_at key_id public_key retired_at sealed_private_key signs_from version",
    ),
    (
        "signing_keys",
        "SELECT",
        "announced_at created_at key_id public_key retired_at sealed_private_key signs_from version",
    ),
    ("signing_keys", "UPDATE", "announced_at retired_at signs_from version"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_role_has_the_named_columns_of_the_named_tables_and_no_more() {
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let system = scene.connect(DatabaseRole::System).await;
    let rights = "
        with relations as (
            select oid, relname::text as name, relacl from pg_class where relnamespace = current_schema()::regnamespace
        ), granted as (
            select name, null::name as attribute, grantee, privilege_type from relations, aclexplode(relacl)
            union all
            select name, attname, grantee, privilege_type
              from relations join pg_attribute on attrelid = oid, aclexplode(attacl)
        )
        select name, privilege_type, coalesce(string_agg(attribute::text, ' ' order by attribute), '')
          from granted
         where grantee = current_user::regrole or grantee = 0 -- PUBLIC
         group by name, privilege_type, attribute is null";
    let rows = system.query(rights, &[]).await.unwrap();
    let mut granted: Vec<(&str, &str, &str)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    granted.sort_unstable();
    assert_eq!(granted, SYSTEM_MAY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_role_lets_people_in_and_changes_nothing_else_of_an_organisation() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, sent) = owner.post("/admin/v1/invitations", &json!({"email": "bob@x.example", "roles": ["viewer"]})).await;
    assert!(sent["token"].is_string(), "{sent}");
    let system = world.scene.connect(DatabaseRole::System).await;
    let membership = |active: bool| {
        format!(
            "insert into memberships (org_id, membership_id, user_id, roles, active, version, joined_at)
             select org_id, gen_random_uuid(), user_id, array['owner'], {active}, 1, now()
               from organisations, people"
        )
    };
    let organisation = |active: bool, version: i64| {
        format!(
            "insert into organisations (org_id, slug, name, currency, active, version, created_at)
             values (gen_random_uuid(), 'chairs', 'Chairs', 'USD', {active}, {version}, now())"
        )
    };
    for refused in [
        "select org_id from signing_keys",
        "select name from api_keys",
        "select invited_by from invitations",
        "update people set email = 'eve@x.example'",
        "update organisations set name = 'x'",
        "update invitations set roles = array['owner']",
        "update api_keys set permissions = array['order:write']",
        "update signing_keys set sealed_private_key = ''",
        "insert into roles (org_id, name) select org_id, 'x' from organisations",
        "delete from organisations",
        "delete from people",
        "delete from memberships",
        &membership(false),
        &organisation(false, 1),
        &organisation(true, 2),
    ] {
        let error = system.batch_execute(refused).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{refused}");
    }
    let touched =
        system.execute("update memberships set roles = array['viewer'], version = 9, active = true", &[]).await;
    assert_eq!(touched.unwrap(), 0, "the place of somebody who is there");
    let root = world.scene.superuser().await;
    root.batch_execute("update memberships set active = false, version = version + 1").await.unwrap();
    let touched =
        system.execute("update memberships set roles = array['viewer'], version = 9, active = true", &[]).await;
    assert_eq!(touched.unwrap(), 1, "the place of somebody who comes back");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_sees_its_own_people_and_never_a_password() {
    let world = World::quiet().await;
    for slug in ["lamps", "chairs"] {
        world.create(slug).await;
    }
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let root = world.scene.superuser().await;
    let lamps: String =
        root.query_one("select org_id::text from organisations where slug = 'lamps'", &[]).await.unwrap().get(0);
    tenant.batch_execute(&format!("begin; select set_config('app.org', '{lamps}', true)")).await.unwrap();
    let rows = tenant.query("select email from people", &[]).await.unwrap();
    let emails: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(emails, ["ana@lamps.example"]);
    let refused = tenant.query("select password_hash from people", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    tenant.batch_execute("rollback").await.unwrap();
    for table in ["sessions", "login_attempts", "password_resets"] {
        assert!(tenant.query(&format!("select 1 from {table}"), &[]).await.is_err(), "{table}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_and_no_bare_hash_of_one_is_stored_anywhere() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let root = world.scene.superuser().await;
    for table in ["organisations", "people", "sessions", "login_attempts", "replays", "outbox"] {
        let rows = root.query(&format!("select t::text from {table} t"), &[]).await.unwrap();
        for row in rows {
            let text: String = row.get(0);
            assert!(!text.contains(crate::world::PASSWORD), "{table}");
        }
    }
    let hash: String = root.query_one("select password_hash from people", &[]).await.unwrap().get(0);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(auth::NAME, || auth::MIGRATIONS, 3).await;
}
