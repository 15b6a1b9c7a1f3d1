//! The program itself: its wiring, its start with what is missing, its orderly end, and what it says meanwhile.

use contracts::topics;
use testkit::{Client, Program, Scene, eventually};
use tokio::process::Command;

use crate::world::{PASSWORD, PATIENCE, SETUP, login, organisation};

/// 32 bytes in base64, of no use elsewhere.
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_from_an_empty_database_publishes_everything_and_never_says_a_secret() {
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let more = [("SETUP_TOKEN", SETUP), ("SIGNING_KEY_SECRET", SECRET), ("LOG_LEVEL", "trace")];
    let mut program = Program::serve(&scene, env!("CARGO_BIN_EXE_auth"), &more);
    let visitor = Client::new(program.base(), None);
    eventually(PATIENCE, async || {
        let reply = visitor.try_send(reqwest::Method::GET, "/auth/v1/jwks", None).await;
        reply.is_ok_and(|reply| reply.status == 200)
    })
    .await;
    let created =
        visitor.clone().with("x-setup-token", SETUP).post("/auth/v1/organisations", &organisation("lamps")).await;
    assert_eq!(created.0, 201, "{}", created.1);
    let (status, session) = visitor.post("/auth/v1/login", &login("lamps", "ana@lamps.example", PASSWORD)).await;
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(Client::new(visitor.base(), Some(token)).get("/auth/v1/me").await, (200, created.1));

    assert_eq!(program.stop().await.code(), Some(0));
    assert_eq!(scene.read(topics::ORGANISATION.name).await.len(), 1);
    assert_eq!(scene.read(topics::SIGNING_KEY.name).await.len(), 1);
    assert_eq!(scene.read(topics::MEMBERSHIP.name).await.len(), 1);

    let said = program.said();
    assert!(said.contains("logged in"), "the log is not where this test looks: {said}");
    let (refresh, client) = (session["refresh_token"].as_str().unwrap(), session["client_token"].as_str().unwrap());
    for secret in [PASSWORD, SETUP, SECRET, token, refresh, client, "$argon2id$"] {
        assert!(!said.contains(secret), "the log says a secret");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_whole_and_without_the_secrets() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth"));
    command.env_clear().arg("serve").env("SETUP_TOKEN", "too-short").env("SIGNING_KEY_SECRET", "bm90IDMyIGJ5dGVz");
    let output = command.env("SIGNING_KEY_SECONDS", "0").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["DATABASE_URL", "KAFKA_BROKERS", "SETUP_TOKEN", "SIGNING_KEY_SECRET", "SIGNING_KEY_SECONDS"] {
        assert!(said.contains(name), "{name} is not reported in: {said}");
    }
    assert!(!said.contains("too-short") && !said.contains("bm90IDMyIGJ5dGVz"), "{said}");
}
