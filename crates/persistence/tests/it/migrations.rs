//! Every migration runs, runs back and runs again; two replicas may start at once.

use devstack::DatabaseRole;
use testkit::Scene;

use crate::MIGRATIONS;

/// The kit's and the service's, in the order in which they run.
const VERSIONS: [&str; 7] = [
    "20261101000000",
    "20261101000001",
    "20261125100000",
    "20261125100001",
    "20261126100000",
    "20261126120001",
    "20261127180000",
];

fn names(versions: &[String]) -> Vec<&str> {
    versions.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_has_a_working_way_back() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let owner = scene.url(DatabaseRole::Owner);
    // What the newest migration allows must not keep it from going.
    let platform_reply = "insert into replays (principal, operation, idempotency_key, request_digest, body)
                          values ('visitor', 'auth.create-organisation', 'key', '', '')";
    scene.superuser().await.batch_execute(platform_reply).await.unwrap();
    let reverted = persistence::revert(&owner, "order", MIGRATIONS).await.unwrap();
    let mut given = names(&reverted);
    given.sort_unstable();
    assert_eq!(given, VERSIONS, "{reverted:?}");
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
    assert_eq!(names(&persistence::migrate(&owner, "order", MIGRATIONS).await.unwrap()), VERSIONS);
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
    assert_eq!(ran.iter().sum::<usize>(), VERSIONS.len(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_which_migration_its_schema_lacks_and_what_to_run() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let (database, owner) = (scene.database(), scene.url(DatabaseRole::Owner));
    let required = persistence::required(&MIGRATIONS);
    assert_eq!(required, ["20261127180000", "20261101000001"], "the newest of the kit and of the service");
    database.is_migrated_to(&required).await.unwrap();
    let lacking = async |versions: &[String]| database.is_migrated_to(versions).await.unwrap_err().to_string();
    let said = lacking(&["99999999000000".to_owned()]).await;
    assert_eq!(
        said,
        "the schema is behind this program: order lacks the migration 99999999000000; run `order migrate`"
    );

    // Never migrated, not even the table of the migrations is there: both roles are, and no more.
    persistence::revert(&owner, "order", MIGRATIONS).await.unwrap();
    assert!(lacking(&required).await.contains("lacks the migration 20261127180000; run `order migrate`"));
    scene.superuser().await.batch_execute("drop table __diesel_schema_migrations").await.unwrap();
    database.reachable().await.unwrap();
    assert!(lacking(&required).await.contains("lacks the migration 20261127180000; run `order migrate`"));
    assert_eq!(database.check().await.unwrap_err().class(), persistence::Class::Transient);

    persistence::migrate(&owner, "order", MIGRATIONS).await.unwrap();
    database.is_migrated_to(&required).await.unwrap();
    database.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_url_without_the_password_does_not_show_it() {
    let refused =
        persistence::migrate("postgres://order_owner:hunter2@127.0.0.1:1/none", "order", MIGRATIONS).await.unwrap_err();
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}
