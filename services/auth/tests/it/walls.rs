//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
use testkit::Scene;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_role_sees_what_a_login_needs_and_changes_nothing() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let system = world.scene.connect(DatabaseRole::System).await;
    let needed =
        "select user_id, password_hash, roles from users join organisations using (org_id) where slug = 'lamps'";
    assert_eq!(system.query(needed, &[]).await.unwrap().len(), 1);
    for refused in [
        "select name from users",
        "select name from organisations",
        "select * from signing_keys",
        "select * from login_attempts",
        "update users set password_hash = '$argon2id$'",
        "delete from organisations",
    ] {
        assert!(system.query(refused, &[]).await.is_err(), "{refused}");
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
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let owner = scene.url(DatabaseRole::Owner);
    let undone = persistence::revert(&owner, auth::NAME, auth::MIGRATIONS).await.unwrap();
    let done = persistence::migrate(&owner, auth::NAME, auth::MIGRATIONS).await.unwrap();
    assert_eq!(undone.len(), done.len());
    assert!(done.len() >= 3);
}
