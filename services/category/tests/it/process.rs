//! The program itself: its wiring and its orderly end.

use contracts::topics;
use serde_json::json;
use testkit::{Caller, Program, Scene, eventually};

use crate::world::{PATIENCE, named};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_who_asks_from_topics_and_leaves_no_event_behind_when_it_ends() {
    let scene = Scene::new(category::NAME, category::MIGRATIONS).await;
    let mut program = Program::serve(&scene, env!("CARGO_BIN_EXE_category"), &[]);
    let owner = scene.client(program.base(), Caller::Owner);
    let listed =
        async || owner.try_send(reqwest::Method::GET, "/admin/v1/categories", None).await.map(|reply| reply.status);
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 401)).await;

    // Nobody is known until auth has said who is, so the program is not ready, and is as soon as it knows.
    let operator = scene.client(program.internal(), Caller::Anonymous);
    let readiness = async || operator.get("/readyz").await;
    eventually(PATIENCE, async || {
        let (status, report) = readiness().await;
        let waiting = report["waiting"].as_array().cloned().unwrap_or_default();
        let waits_for_a_key = status == 503 && waiting.len() == 1 && waiting[0]["name"] == "signing keys";
        if waits_for_a_key { Ok(()) } else { Err(report) }
    })
    .await;
    scene.announce().await;
    eventually(PATIENCE, async || readiness().await.0 == 200).await;
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 200)).await;
    let (status, body) = owner.post("/admin/v1/categories", &named("lamps", None)).await;
    assert_eq!(status, 201, "{body}");
    let shop = format!("/store/v1/{}/categories", scene.slug());
    let anyone = scene.client(program.base(), Caller::Anonymous);
    eventually(PATIENCE, async || anyone.get(&shop).await.0 == 200).await;
    assert_eq!(anyone.get(&shop).await.1["items"][0]["id"], json!(body["id"]));

    assert_eq!(program.stop().await.code(), Some(0));
    assert_eq!(scene.read(topics::CATEGORY.name).await.len(), 1);
    let root = scene.superuser().await;
    let left: i64 = root.query_one("select count(*) from outbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}
