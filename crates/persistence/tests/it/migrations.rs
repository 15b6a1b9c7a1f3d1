//! Every migration runs, runs back and runs again; two replicas may start at once.

use devstack::DatabaseRole;
use testkit::Scene;

use crate::MIGRATIONS;

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_has_a_working_way_back() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let owner = scene.url(DatabaseRole::Owner);
    let reverted = persistence::revert(&owner, "order", MIGRATIONS).await.unwrap();
    assert_eq!(reverted.len(), 2, "{reverted:?}");
    let left: i64 = scene
        .superuser()
        .await
        .query_one(
            "select count(*) from pg_tables where schemaname = 'order' and tablename <> '__diesel_schema_migrations'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
    assert_eq!(persistence::migrate(&owner, "order", MIGRATIONS).await.unwrap().len(), 2);
    assert!(persistence::migrate(&owner, "order", MIGRATIONS).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_migrate_at_once_do_it_once() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let owner = scene.url(DatabaseRole::Owner);
    persistence::revert(&owner, "order", MIGRATIONS).await.unwrap();
    let (one, two, three) = tokio::join!(
        persistence::migrate(&owner, "order", MIGRATIONS),
        persistence::migrate(&owner, "order", MIGRATIONS),
        persistence::migrate(&owner, "order", MIGRATIONS),
    );
    let ran: Vec<usize> = [one, two, three].into_iter().map(|result| result.unwrap().len()).collect();
    assert_eq!(ran.iter().sum::<usize>(), 2, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_which_migration_its_schema_lacks() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let newest = persistence::newest(&MIGRATIONS).unwrap();
    scene.database().is_migrated_to(&newest).await.unwrap();
    let lacking = scene.database().is_migrated_to("99999999000000").await.unwrap_err();
    assert!(lacking.to_string().contains("order lacks the migration 99999999000000; run `order migrate`"), "{lacking}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_url_without_the_password_does_not_show_it() {
    let refused =
        persistence::migrate("postgres://order_owner:hunter2@127.0.0.1:1/none", "order", MIGRATIONS).await.unwrap_err();
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}
