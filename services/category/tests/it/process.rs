//! The program itself: its wiring, its start with what is missing, its orderly end.

use std::{net::TcpListener, process::Stdio};

use contracts::{auth::OrganisationState, topics};
use devstack::DatabaseRole;
use kernel::Currency;
use serde_json::json;
use testkit::{Caller, Mint, Scene, eventually};
use tokio::process::{Child, Command};

use crate::world::{PATIENCE, named};

/// An address that was free a moment ago.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_category"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn serve(scene: &Scene, http: &str) -> Child {
    let kafka = scene.messaging();
    program()
        .arg("serve")
        .env("DATABASE_URL", scene.url(DatabaseRole::App))
        .env("DATABASE_SYSTEM_URL", scene.url(DatabaseRole::System))
        .env("KAFKA_BROKERS", kafka.brokers)
        .env("KAFKA_NAMESPACE", kafka.namespace)
        .env("HTTP_ADDRESS", http)
        .env("INTERNAL_ADDRESS", "127.0.0.1:0")
        .env("TOKEN_ISSUER", Mint::ISSUER)
        .env("TOKEN_AUDIENCE", Mint::AUDIENCE)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_who_asks_from_topics_and_leaves_no_event_behind_when_it_ends() {
    let scene = Scene::new(category::NAME, category::MIGRATIONS).await;
    let http = free();
    let mut process = serve(&scene, &http);
    let base = format!("http://{http}");
    let owner = scene.client(&base, Caller::Owner);
    let listed =
        async || owner.try_send(reqwest::Method::GET, "/admin/v1/categories", None).await.map(|reply| reply.status);
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 401)).await;

    // Nobody is known until auth has said who is.
    scene.publish(1, &scene.mint().announced()).await;
    let organisation = OrganisationState {
        organisation: scene.organisation(),
        slug: scene.slug(),
        name: "Test shop".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        active: true,
        version: 1,
    };
    scene.publish(1, &organisation).await;
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 200)).await;
    let (status, body) = owner.post("/admin/v1/categories", &named("lamps", None)).await;
    assert_eq!(status, 201, "{body}");
    let shop = format!("/store/v1/{}/categories", scene.slug());
    let anyone = scene.client(&base, Caller::Anonymous);
    eventually(PATIENCE, async || anyone.get(&shop).await.0 == 200).await;
    assert_eq!(anyone.get(&shop).await.1["items"][0]["id"], json!(body["id"]));

    let id = process.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(scene.read(topics::CATEGORY.name).await.len(), 1);
    let root = scene.superuser().await;
    let left: i64 = root.query_one("select count(*) from outbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_whole() {
    let output = program().arg("serve").env("HTTP_ADDRESS", "nowhere").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "HTTP_ADDRESS"] {
        assert!(said.contains(name), "{name} is not reported in: {said}");
    }
}
