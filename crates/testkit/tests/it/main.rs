//! The kit against the real servers: what one scene does, another must not notice, and nothing stays behind.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use contracts::auth::SigningKeyState;
use contracts::{Channel, topics};
use devstack::DatabaseRole;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use testkit::{Mint, Scene, eventually, table_hashes};
use uuid::Uuid;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

async fn write(client: &tokio_postgres::Client, org: Uuid, note: u128, body: &str) {
    let statement = "insert into notes (org_id, note_id, body) values ($1::text::uuid, $2::text::uuid, $3)";
    let (org, note) = (org.to_string(), Uuid::from_u128(note).to_string());
    client.execute(statement, &[&org, &note, &body]).await.unwrap();
}

#[tokio::test]
async fn two_scenes_share_nothing_and_leave_nothing() {
    let (first, second) = tokio::join!(Scene::new("catalog", MIGRATIONS), Scene::new("catalog", MIGRATIONS));
    let org = first.organisation().uuid();
    write(&first.superuser().await, org, 1, "here").await;
    let count = second.superuser().await.query_one("select count(*) from notes", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);

    let (cluster, name) = (first.cluster(), first.database_name().to_owned());
    drop(first);
    let url = cluster.superuser_url("postgres").unwrap();
    let client = devstack::connect(&url.parse().unwrap()).await.unwrap();
    let left = client.query("select 1 from pg_database where datname = $1", &[&name]).await.unwrap();
    assert!(left.is_empty(), "{name} is still there");
}

#[tokio::test]
async fn the_app_role_sees_its_organisation_only() {
    let scene = Scene::new("catalog", MIGRATIONS).await;
    let superuser = scene.superuser().await;
    write(&superuser, scene.organisation().uuid(), 1, "mine").await;
    write(&superuser, scene.other_organisation().uuid(), 2, "theirs").await;
    let app = scene.connect(DatabaseRole::App).await;
    let bodies = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>();
    assert!(app.query("select body from notes", &[]).await.unwrap().is_empty());
    app.batch_execute(&format!("set app.org = '{}'", scene.organisation().uuid())).await.unwrap();
    assert_eq!(bodies(app.query("select body from notes", &[]).await.unwrap()), ["mine"]);
    scene.database().check().await.unwrap();
}

#[tokio::test]
async fn equal_tables_have_equal_hashes_whatever_the_order_of_their_rows() {
    let (first, second) = tokio::join!(Scene::new("catalog", MIGRATIONS), Scene::new("catalog", MIGRATIONS));
    let (here, there) = (first.superuser().await, second.superuser().await);
    let org = first.organisation().uuid();
    for note in 1..=3 {
        write(&here, org, note, &format!("note {note}")).await;
        write(&there, org, 4 - note, &format!("note {}", 4 - note)).await;
    }
    let excluded = ["*.written_at"];
    let hash = table_hashes(&here, "catalog", &excluded).await;
    assert_eq!(hash["notes"].rows, 3);
    assert_eq!(hash, table_hashes(&there, "catalog", &excluded).await);
    assert_ne!(hash["notes"], table_hashes(&there, "catalog", &[]).await["notes"], "the times differ");
    there.execute("update notes set body = 'other' where body = 'note 2'", &[]).await.unwrap();
    assert_ne!(hash["notes"], table_hashes(&there, "catalog", &excluded).await["notes"]);
    assert!(!table_hashes(&here, "catalog", &["notes.*"]).await.contains_key("notes"));
}

#[tokio::test]
async fn what_is_said_on_a_topic_can_be_read_from_its_start() {
    let scene = Scene::new("catalog", MIGRATIONS).await;
    scene.topics(&[topics::SIGNING_KEY]).await;
    assert!(scene.read(topics::SIGNING_KEY.name).await.is_empty());
    let key = Mint::new().announced();
    scene.publish(1, &key).await;
    let records = eventually(Duration::from_secs(10), async || {
        let records = scene.read(topics::SIGNING_KEY.name).await;
        (!records.is_empty()).then_some(records)
    })
    .await;
    assert_eq!(records.len(), 1);
    let read = SigningKeyState::decode(key.event_type(), records[0].payload.as_deref().unwrap()).unwrap();
    assert_eq!(read, key);
}
