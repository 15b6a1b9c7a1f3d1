//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
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
        let rows = tenant.query("select slug from organisations join users using (org_id)", &[]).await.unwrap();
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
    ("inbox", "DELETE", ""),
    ("inbox", "SELECT", ""),
    ("organisations", "INSERT", "active created_at currency name org_id slug version"),
    ("organisations", "SELECT", "active org_id slug"),
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
    ("replays", "DELETE", ""),
    ("replays", "INSERT", ""),
    ("replays", "SELECT", ""),
    ("signing_keys", "DELETE", ""),
    ("signing_keys", "INSERT", "created_at key_id public_key retired_at sealed_private_key signs_from version"),
    ("signing_keys", "SELECT", "created_at key_id public_key retired_at sealed_private_key signs_from version"),
    ("signing_keys", "UPDATE", "retired_at version"),
    ("users", "INSERT", "active created_at email name org_id password_hash roles user_id"),
    ("users", "SELECT", "active email org_id password_hash roles user_id"),
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
async fn the_system_role_sees_active_accounts_and_writes_owners_and_keys_only() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let system = world.scene.connect(DatabaseRole::System).await;
    let needed =
        "select user_id, password_hash, roles from users join organisations using (org_id) where slug = 'lamps'";
    assert_eq!(system.query(needed, &[]).await.unwrap().len(), 1);
    let user = |roles: &str, active: bool| {
        format!(
            "insert into users (org_id, user_id, email, name, password_hash, roles, active, created_at)
             select org_id, gen_random_uuid(), 'bob@lamps.example', 'Bob', '$argon2id$', array['{roles}'], {active}, now()
               from organisations"
        )
    };
    let organisation = |active: bool, version: i64| {
        format!(
            "insert into organisations (org_id, slug, name, currency, active, version, created_at)
             values (gen_random_uuid(), 'chairs', 'Chairs', 'USD', {active}, {version}, now())"
        )
    };
    for refused in [
        "select name from users",
        "select name from organisations",
        "select org_id from signing_keys",
        "select * from login_attempts",
        "update users set password_hash = '$argon2id$'",
        "update organisations set active = false",
        "update signing_keys set sealed_private_key = ''",
        "delete from organisations",
        "delete from users",
        &user("manager", true),
        &user("owner", false),
        &organisation(false, 1),
        &organisation(true, 2),
    ] {
        let refusal = system.batch_execute(refused).await.unwrap_err();
        let code = refusal.code().unwrap();
        assert_eq!(code, &SqlState::INSUFFICIENT_PRIVILEGE, "{refused}: {refusal:?}");
    }
    for allowed in [user("owner", true), organisation(true, 1)] {
        system.batch_execute(&format!("begin; {allowed}; rollback")).await.unwrap();
    }
    let root = world.scene.superuser().await;
    root.batch_execute("update organisations set active = false").await.unwrap();
    assert!(system.query(needed, &[]).await.unwrap().is_empty(), "an inactive organisation");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_and_no_bare_hash_of_one_is_stored_anywhere() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let root = world.scene.superuser().await;
    for table in ["organisations", "users", "login_attempts", "replays", "outbox"] {
        let rows = root.query(&format!("select t::text from {table} t"), &[]).await.unwrap();
        for row in rows {
            let text: String = row.get(0);
            assert!(!text.contains(crate::world::PASSWORD), "{table}");
        }
    }
    let hash: String = root.query_one("select password_hash from users", &[]).await.unwrap().get(0);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(auth::NAME, || auth::MIGRATIONS, 3).await;
}
