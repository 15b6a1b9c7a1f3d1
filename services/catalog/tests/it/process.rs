//! The program itself: its wiring, its start with what is missing, its orderly end.

use std::{net::TcpListener, process::Stdio};

use contracts::{auth::OrganisationState, topics};
use devstack::DatabaseRole;
use kernel::{Currency, OrderId};
use serde_json::json;
use testkit::{Caller, Mint, Scene, eventually};
use tokio::process::{Child, Command};

use crate::orders::placed;
use crate::world::{PATIENCE, product};

/// An address that was free a moment ago.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catalog"));
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
        .env("REDIS_URL", &scene.cluster().redis_url)
        .env("SWEEP_INTERVAL_MILLISECONDS", "50")
        .env("HTTP_ADDRESS", http)
        .env("INTERNAL_ADDRESS", "127.0.0.1:0")
        .env("TOKEN_ISSUER", Mint::ISSUER)
        .env("TOKEN_AUDIENCE", Mint::AUDIENCE)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_who_asks_from_topics_and_leaves_no_event_behind_when_it_ends() {
    let scene = Scene::new(catalog::NAME, catalog::MIGRATIONS).await;
    let http = free();
    let mut process = serve(&scene, &http);
    let base = format!("http://{http}");
    let owner = scene.client(&base, Caller::Owner);
    let listed =
        async || owner.try_send(reqwest::Method::GET, "/admin/v1/products", None).await.map(|reply| reply.status);
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
    let (status, body) = owner.post("/admin/v1/products", &product("lamp", &[("LAMP", 500, 5)])).await;
    assert_eq!(status, 201, "{body}");
    let shop = format!("/store/v1/{}/products", scene.slug());
    let anyone = scene.client(&base, Caller::Anonymous);
    eventually(PATIENCE, async || anyone.get(&shop).await.0 == 200).await;
    assert_eq!(anyone.get(&shop).await.1["items"][0]["id"], json!(body["id"]));

    // An order whose time is over already is answered, and swept by the process itself.
    let order = OrderId::new();
    scene.publish(1, &placed(order, &[("LAMP", 2, 500)], -120)).await;
    eventually(PATIENCE, async || scene.read(topics::RESERVATION.name).await.len() == 2).await;
    assert_eq!(owner.get("/admin/v1/stock/LAMP").await.1["available"], json!(5));

    let id = process.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(scene.read(topics::PRODUCT.name).await.len(), 1);
    let root = scene.superuser().await;
    let left: i64 = root.query_one("select count(*) from outbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_whole() {
    let output =
        program().arg("serve").env("HTTP_ADDRESS", "nowhere").env("CACHE_SECONDS", "0").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "REDIS_URL", "HTTP_ADDRESS", "CACHE_SECONDS"] {
        assert!(said.contains(name), "{name} is not reported in: {said}");
    }
}
