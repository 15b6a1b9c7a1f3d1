//! The program itself: what it says before it can serve.

use std::process::{Command, Output, Stdio};

use devstack::{DatabaseRole, bot_api};
use reqwest::Method;
use testkit::{Client, Program, eventually};

use crate::stage::{CHAT, PATIENCE, Stage};

/// The program with what it needs, and no other variable.
fn program(stage: &Stage, subcommand: &str) -> Command {
    let kafka = stage.scene.messaging();
    let mut command = Command::new(env!("CARGO_BIN_EXE_notifier"));
    command
        .arg(subcommand)
        .env_clear()
        .env("DATABASE_URL", stage.scene.url(DatabaseRole::App))
        .env("DATABASE_SYSTEM_URL", stage.scene.url(DatabaseRole::System))
        .env("DATABASE_OWNER_URL", stage.scene.url(DatabaseRole::Owner))
        .env("KAFKA_BROKERS", kafka.brokers)
        .env("KAFKA_NAMESPACE", kafka.namespace)
        .env("TELEGRAM_BOT_TOKEN", bot_api::TOKEN)
        .env("TELEGRAM_CHAT_ID", CHAT)
        .env("BOT_API_URL", stage.telegram.url())
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_database_that_was_never_migrated_it_waits_and_says_what_to_run() {
    let stage = Stage::new().await;
    // As the bootstrap leaves it: roles and an empty schema.
    let owner = stage.scene.url(DatabaseRole::Owner);
    persistence::revert(&owner, notifier::NAME, notifier::MIGRATIONS).await.unwrap();
    stage.superuser.batch_execute("drop table __diesel_schema_migrations").await.unwrap();

    let telegram = stage.telegram.url();
    let more = [("TELEGRAM_BOT_TOKEN", bot_api::TOKEN), ("TELEGRAM_CHAT_ID", CHAT), ("BOT_API_URL", &telegram)];
    let mut running = Program::serve(&stage.scene, env!("CARGO_BIN_EXE_notifier"), &more);
    let operator = Client::new(running.internal(), None);
    let readiness = async || match operator.try_send(Method::GET, "/readyz", None).await {
        Ok(reply) => (reply.status, reply.text()),
        Err(error) => (0, error.to_string()),
    };
    let waiting = eventually(PATIENCE, async || {
        let (status, text) = readiness().await;
        if status == 503 && text.contains("\"migrations\"") { Ok(text) } else { Err(text) }
    })
    .await;
    let newest = &persistence::required(&notifier::MIGRATIONS)[0];
    assert!(waiting.contains(&format!("notifier lacks the migration {newest}; run `notifier migrate`")), "{waiting}");

    let migrated = program(&stage, "migrate").output().unwrap();
    assert_eq!(migrated.status.code(), Some(0), "{migrated:?}");
    // It takes requests, so it waits until auth has said whose tokens it may take.
    eventually(PATIENCE, async || {
        let (_, text) = readiness().await;
        if text.contains("\"signing keys\"") { Ok(()) } else { Err(text) }
    })
    .await;
    stage.scene.announce().await;
    eventually(PATIENCE, async || {
        let (status, text) = readiness().await;
        if status == 200 { Ok(()) } else { Err(text) }
    })
    .await;

    let (ended, log) = (running.stop().await, running.said());
    assert_eq!(ended.code(), Some(0), "{log}");
    let waited = format!(
        "waiting for migrations: the schema is behind this program: notifier lacks the migration {newest}; run `notifier migrate`"
    );
    assert!(log.contains(&waited), "{log}");
}

/// What a program with one more variable says of it.
#[track_caller]
fn refused(output: &Output, names: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    for name in names {
        assert!(said.contains(&format!("  {name}: must be ")), "{name} is missing in {said}");
    }
    assert!(!said.contains("hunter2"), "a secret is printed: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_none_are_refused_together_before_anything_starts_and_without_their_passwords() {
    let stage = Stage::new().await;
    let mut serve = program(&stage, "serve");
    serve
        .env("DATABASE_URL", "nonsense")
        .env("DATABASE_SYSTEM_URL", "postgres//notifier_system:hunter2@db/shop?sslmode=disable")
        .env("KAFKA_NAMESPACE", "two words")
        .env("BOT_API_URL", "api.telegram.org");
    let names = ["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_NAMESPACE", "BOT_API_URL"];
    refused(&serve.output().unwrap(), &names);

    let mut migrate = program(&stage, "migrate");
    migrate.env("DATABASE_OWNER_URL", "mysql://notifier_owner:hunter2@db/shop");
    refused(&migrate.output().unwrap(), &["DATABASE_OWNER_URL"]);
}
