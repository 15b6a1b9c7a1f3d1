//! Deleting drafts that were never for sale, and nothing else.

use contracts::catalog::{ProductState, ProductStatus};
use devstack::DatabaseRole;
use kernel::ProductId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Caller, eventually};

use crate::world::{PATIENCE, World, product};

async fn draft(world: &World, slug: &str, sku: &str) -> Value {
    let mut body = product(slug, &[(sku, 100, 4)]);
    body["status"] = json!("draft");
    let (status, created) = world.owner().post("/admin/v1/products", &body).await;
    assert_eq!(status, 201, "{created}");
    created
}

fn path(product: &Value) -> String {
    format!("/admin/v1/products/{}", product["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_was_never_for_sale_is_deleted_and_its_names_are_free() {
    let world = World::connected().await;
    let lamp = draft(&world, "lamp", "LAMP").await;
    let delete = async |caller| {
        let reply = world.client(caller).send(Method::DELETE, &path(&lamp), None).await;
        (reply.status, reply.json())
    };
    assert_eq!(delete(Caller::Viewer).await.0, 403);
    assert_eq!(delete(Caller::OtherOrganisation).await.0, 404);
    assert_eq!(delete(Caller::Owner).await, (200, json!({"product": lamp["id"]})));
    assert_eq!(delete(Caller::Owner).await.0, 404);
    assert_eq!(world.owner().get(&path(&lamp)).await.0, 404);
    assert_eq!(world.owner().get("/admin/v1/stock/LAMP").await.0, 404);
    assert_eq!(world.value("select sum(on_hand_delta) from movements where sku = 'LAMP'").await, "0");

    world.create("lamp", &[("LAMP", 100, 7)]).await;
    assert_eq!(world.level("LAMP").await, (7, 0, 0));
    world.assert_books_agree().await;
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() == 3 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let lamp: ProductId = lamp["id"].as_str().unwrap().parse().unwrap();
    let of_lamp: Vec<_> = states.iter().map(|(_, state)| state).filter(|state| state.product == lamp).collect();
    let last = of_lamp[1];
    assert_eq!((last.deleted, last.status, last.version), (true, ProductStatus::Retired, 2));
    assert!(last.variants.is_empty() && !of_lamp[0].deleted);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_for_sale_once_stays() {
    let world = World::quiet().await;
    let any = world.owner().with("if-match", "*");
    let refused = async |product: &Value, why: &str| {
        let reply = any.send(Method::DELETE, &path(product), None).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["type"]), (409, &json!("/problems/product-not-deletable")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    };
    let lamp = world.create("lamp", &[("LAMP", 100, 1)]).await;
    refused(&lamp, "is not a draft").await;
    assert_eq!(any.patch(&path(&lamp), &json!({"status": "draft"})).await.0, 200);
    refused(&lamp, "was for sale once").await;
    let desk = draft(&world, "desk", "DESK").await;
    assert_eq!(any.patch(&path(&desk), &json!({"status": "active"})).await.0, 200);
    assert_eq!(any.post(&format!("{}/retire", path(&desk)), &json!({})).await.0, 200);
    refused(&desk, "is not a draft").await;
    assert_eq!(any.post(&format!("{}/restore", path(&desk)), &json!({})).await.0, 200);
    refused(&desk, "was for sale once").await;

    // The last defence: the role itself deletes nothing of them.
    let chair = draft(&world, "chair", "CHAIR").await;
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let organisation = world.scene.organisation().uuid();
    tenant.batch_execute(&format!("set app.org = '{organisation}'")).await.unwrap();
    for (table, left) in [("stock", "2"), ("variants", "2"), ("products", "2")] {
        tenant.batch_execute(&format!("delete from {table}")).await.unwrap();
        assert_eq!(world.value(&format!("select count(*) from {table}")).await, left, "{table} after {chair}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_with_pieces_at_locations_stays_and_the_refusal_names_them() {
    let world = World::quiet().await;
    let lamp = draft(&world, "lamp", "LAMP").await;
    for code in ["hanoi", "hue"] {
        let body = json!({"code": code, "name": code, "priority": 1});
        assert_eq!(world.owner().post("/admin/v1/locations", &body).await.0, 201);
        let moved = json!({"to": code, "pieces": 2});
        assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &moved).await.0, 201);
    }
    let delete = async || world.owner().send(Method::DELETE, &path(&lamp), None).await;
    let problem = delete().await.json();
    let places = json!([
        {"location": "hanoi", "sku": "LAMP", "pieces": 2}, {"location": "hue", "sku": "LAMP", "pieces": 2},
    ]);
    assert_eq!((&problem["type"], &problem["places"]), (&json!("/problems/stock-conflict"), &places), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("hanoi has 2 of LAMP; hue has 2 of LAMP"), "{detail}");
    for code in ["hanoi", "hue"] {
        let moved = json!({"from": code, "pieces": 2});
        assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &moved).await.0, 201);
    }
    assert_eq!(delete().await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_an_order_takes_pieces_of_while_it_is_deleted_stays() {
    let world = World::quiet().await;
    let lamp = draft(&world, "lamp", "LAMP").await;
    let mut root = world.scene.superuser().await;
    let sale = root.transaction().await.unwrap();
    // Its pieces were promised and given back again since.
    sale.execute("update stock set version = version + 1 where sku = 'LAMP'", &[]).await.unwrap();
    sale.execute(
        "insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id, actor, occurred_at)
         select org_id, sku, variant_id, 'reserve', 0, 3, 0, gen_random_uuid(), 'order', now() from stock where sku = 'LAMP'",
        &[],
    )
    .await
    .unwrap();
    let deletion = {
        let (owner, path) = (world.owner(), path(&lamp));
        tokio::spawn(async move { owner.send(Method::DELETE, &path, None).await })
    };
    // It has found nothing sold so far, and waits for the stock.
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    eventually(PATIENCE, async || {
        let waiting: i64 = sale.query_one(waits, &[]).await.unwrap().get(0);
        if waiting > 0 { Ok(()) } else { Err("nobody waits") }
    })
    .await;
    sale.commit().await.unwrap();
    let refused = deletion.await.unwrap();
    assert_eq!(
        (refused.status, refused.json()["type"].clone()),
        (409, json!("/problems/product-not-deletable")),
        "{}",
        refused.text()
    );
    assert_eq!(world.level("LAMP").await, (4, 0, 0), "it is as it was");
    world.stop().await;
}
