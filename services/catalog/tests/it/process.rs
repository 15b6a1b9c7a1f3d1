//! The program itself: its wiring and its orderly end.

use contracts::topics;
use kernel::OrderId;
use serde_json::json;
use testkit::{Caller, Program, Scene, eventually};

use crate::orders::placed;
use crate::world::{PATIENCE, product};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_who_asks_from_topics_and_leaves_no_event_behind_when_it_ends() {
    let scene = Scene::new(catalog::NAME, catalog::MIGRATIONS).await;
    let mut program = Program::serve(&scene, env!("CARGO_BIN_EXE_catalog"), &[("SWEEP_INTERVAL_MILLISECONDS", "50")]);
    let owner = scene.client(program.base(), Caller::Owner);
    let listed =
        async || owner.try_send(reqwest::Method::GET, "/admin/v1/products", None).await.map(|reply| reply.status);
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 401)).await;

    // Nobody is known until auth has said who is.
    scene.announce().await;
    eventually(PATIENCE, async || listed().await.is_ok_and(|status| status == 200)).await;
    let (status, body) = owner.post("/admin/v1/products", &product("lamp", &[("LAMP", 500, 5)])).await;
    assert_eq!(status, 201, "{body}");
    let shop = format!("/store/v1/{}/products", scene.slug());
    let anyone = scene.client(program.base(), Caller::Anonymous);
    eventually(PATIENCE, async || anyone.get(&shop).await.0 == 200).await;
    assert_eq!(anyone.get(&shop).await.1["items"][0]["id"], json!(body["id"]));

    // An order whose time is over already is answered, and swept by the process itself.
    let order = OrderId::new();
    scene.publish(1, &placed(order, &[("LAMP", 2, 500)], -120)).await;
    eventually(PATIENCE, async || scene.read(topics::RESERVATION.name).await.len() == 2).await;
    assert_eq!(owner.get("/admin/v1/stock/LAMP").await.1["available"], json!(5));

    assert_eq!(program.stop().await.code(), Some(0));
    assert_eq!(scene.read(topics::PRODUCT.name).await.len(), 1);
    let root = scene.superuser().await;
    let left: i64 = root.query_one("select count(*) from outbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}
