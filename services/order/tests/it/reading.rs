//! Who may read what: holders of an order token, staff, and everybody else.

use kernel::OrderId;
use serde_json::{Value, json};
use testkit::Caller;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_token_an_order_does_not_exist() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (mine, other) = (world.place("MUG").await, world.place("MUG").await);
    let at = format!("{}/{}", world.orders(), mine.order);
    let shopper = world.shopper();
    assert_eq!(shopper.clone().with("order-token", &mine.token).get(&at).await.0, 200);
    assert_eq!(shopper.clone().with("order-token", &other.token).get(&at).await.0, 404);
    assert_eq!(shopper.clone().with("order-token", &"x".repeat(400)).get(&at).await.0, 404);
    assert_eq!(shopper.get(&at).await.0, 401);
    // Neither does it in another organisation's shop.
    let elsewhere = format!("/store/v1/{}/orders/{}", world.scene.other_slug(), mine.order);
    assert_eq!(shopper.clone().with("order-token", &mine.token).get(&elsewhere).await.0, 404);
    let unknown = format!("{}/{}", world.orders(), OrderId::new());
    assert_eq!(shopper.with("order-token", &mine.token).get(&unknown).await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_newest_first_and_its_pages_miss_nothing() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(world.place("MUG").await.order.to_string());
    }
    expected.reverse();
    let staff = world.client(Caller::Viewer);
    let mut seen = Vec::new();
    let mut path = "/admin/v1/orders?limit=3".to_owned();
    loop {
        let (status, page) = staff.get(&path).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/v1/orders?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);

    let cancelled = &expected[2];
    let (status, _) =
        world.client(Caller::Owner).post(&format!("/admin/v1/orders/{cancelled}/cancel"), &json!({})).await;
    assert_eq!(status, 200);
    let (_, page) = staff.get("/admin/v1/orders?where=status:eq:cancelled").await;
    assert_eq!(ids(&page), [cancelled.as_str()]);
    let (_, page) = staff.get("/admin/v1/orders?where=status:eq:pending").await;
    assert_eq!(ids(&page).len(), 6);
    let wanted = json!({
        "filter": {"and": [{"field": "sku", "op": "eq", "value": "MUG"}, {"field": "status", "op": "ne", "value": "pending"}]},
        "fields": ["id", "sku", "cancel_cause", "total"], "total": "exact", "facets": ["status"],
    });
    let (status, found) = staff.post("/admin/v1/orders/query", &wanted).await;
    let total = json!({"amount": "9.90", "currency": "USD"});
    assert_eq!(
        (status, &found["items"]),
        (200, &json!([{"id": cancelled, "sku": ["MUG"], "cancel_cause": "staff", "total": total}])),
        "{found}"
    );
    assert_eq!(
        found["facets"]["status"],
        json!([{"value": "pending", "count": 6}, {"value": "cancelled", "count": 1}])
    );
    for wrong in ["where=status:eq:open", "cursor=AAAA", "limit=0", "limit=101", "sort=status", "status=pending"] {
        let (status, problem) = staff.get(&format!("/admin/v1/orders?{wrong}")).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_sees_its_own_organisation_only_and_a_viewer_changes_nothing() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    let at = format!("/admin/v1/orders/{}", placed.order);
    for (caller, read, cancel) in [
        (Caller::Anonymous, 401, 401),
        (Caller::OtherOrganisation, 404, 404),
        (Caller::Viewer, 200, 403),
        (Caller::OrderManager, 200, 200),
        (Caller::Owner, 200, 200),
    ] {
        let client = world.client(caller);
        assert_eq!(client.get(&at).await.0, read, "{caller:?} reads");
        assert_eq!(client.post(&format!("{at}/cancel"), &json!({})).await.0, cancel, "{caller:?} cancels");
    }
    let (_, page) = world.client(Caller::OtherOrganisation).get("/admin/v1/orders").await;
    assert_eq!(ids(&page), [] as [&str; 0]);
    world.stop().await;
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap()).collect()
}
