//! The main job, once, step by step: what `make demo` shows, with its outcome asserted.

use e2e::{PATIENCE, Shop, alone, invariants, order_of, usd};
use serde_json::json;
use testkit::{Client, eventually};

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_imported_browsed_and_ordered_from_and_the_operations_team_hears_of_it() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "job").await;
    for gateway in store.gateways() {
        shop.log_in(&gateway).await;
    }

    let home = shop.category("home", None).await;
    let lights = shop.category("lights", Some(&home)).await;
    let client = store.superuser().await;
    eventually(PATIENCE, async || {
        let statement = "select count(*) from catalog.categories where slug in ('home', 'lights') and org_id =
                         (select org_id from auth.organisations where slug = $1)";
        client.query_one(statement, &[&shop.slug]).await.unwrap().get::<_, i64>(0) == 2
    })
    .await;

    let lines = [
        json!({"slug": "lamp", "title": "Desk lamp", "category": "home/lights", "variants": [
            {"sku": "LAMP-B", "title": "Black", "price": usd(4_990), "stock": 10},
            {"sku": "LAMP-W", "title": "White", "price": usd(5_190), "stock": 0}]}),
        json!({"slug": "bulb", "title": "Bulb", "category": "lights", "variants": [
            {"sku": "BULB", "price": usd(350), "stock": 500}]}),
        json!({"slug": "broken", "title": "No price", "variants": [{"sku": "NOPE", "stock": 1}]}),
    ];
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let (rows, summary) = shop.import(&text.join("\n")).await;
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(2), &json!(1)), "{rows:?}");
    let wrong = rows.iter().find(|row| row["result"] == "failed").unwrap();
    assert_eq!(wrong["line"], 3);
    assert!(wrong["errors"][0]["column"].as_str().unwrap().contains("price"), "{wrong}");
    shop.can_be_ordered(&store, &["LAMP-B", "LAMP-W", "BULB"]).await;

    let tree = format!("/store/v1/{}/categories", shop.slug);
    let (status, tree) = shop.shopper.get(&tree).await;
    assert_eq!(status, 200, "{tree}");
    assert!(tree.to_string().contains("lights"), "{tree}");
    let list = format!("/store/v1/{}/products?where=category:eq:{lights}", shop.slug);
    // The page is cached; it is forgotten when the products' events come back.
    let page = eventually(PATIENCE, async || {
        let (_, page) = shop.shopper.get(&list).await;
        if page["items"].as_array().is_some_and(|items| items.len() == 2) { Ok(page) } else { Err(page) }
    })
    .await;
    let lamp = page["items"].as_array().unwrap().iter().find(|it| it["slug"] == "lamp").unwrap();
    let path = format!("/store/v1/{}/products/{}", shop.slug, lamp["id"].as_str().unwrap());
    let (status, seen) = shop.shopper.get(&path).await;
    assert_eq!(status, 200, "{seen}");
    assert!(seen.to_string().contains("49.90"), "{seen}");

    let waiting = shop.shopper.clone().with("prefer", "wait=30");
    let reply = waiting.post_reply(&shop.orders(), &order_of(&[("LAMP-B", 2), ("BULB", 4)])).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let placed = e2e::Placed::of(&reply);
    assert_eq!(placed.body["status"], "confirmed", "{}", placed.body);
    assert_eq!(placed.body["total"], usd(2 * 4_990 + 4 * 350));
    let stock = shop.stock("LAMP-B").await;
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(10), &json!(8)), "{stock}");

    let own = format!("{}/{}", shop.orders(), placed.order);
    let holder = shop.shopper.clone().with("order-token", &placed.token);
    assert_eq!(holder.get(&own).await.0, 200);
    let thief = shop.shopper.clone().with("order-token", "not-the-token-of-this-order");
    assert_eq!(thief.get(&own).await.0, 404);
    let (status, cancelled) = holder.post(&format!("{own}/cancel"), &json!(null)).await;
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")), "{cancelled}");
    eventually(PATIENCE, async || {
        let stock = shop.stock("LAMP-B").await;
        if stock["available"] == 10 { Ok(()) } else { Err(stock) }
    })
    .await;

    let statement = "select d.kind, d.message_id from notifier.deliveries d join auth.organisations o using (org_id)
                     where o.slug = $1 and d.fact ->> 'order' = $2 and d.state = 'sent'";
    let order = placed.order.to_string();
    let sent = eventually(PATIENCE, async || {
        let rows = client.query(statement, &[&shop.slug, &order]).await.unwrap();
        if rows.len() == 3 { Ok(rows) } else { Err(rows.len()) }
    })
    .await;
    let messages = store.bot().messages();
    for row in sent {
        let (kind, message): (String, i64) = (row.get(0), row.get(1));
        assert!(messages.iter().any(|it| it.message_id == message), "{kind} was told in {message}, which never came");
    }
    invariants::assert_sound(&store, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_serves_one_document_of_all_services() {
    let store = alone(&WISHES).await;
    for gateway in store.gateways() {
        let (status, document) = Client::new(gateway, None).get("/openapi.json").await;
        assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
        for path in [
            "/auth/v1/login",
            "/admin/v1/categories",
            "/admin/v1/imports",
            "/admin/v1/orders",
            "/store/v1/{organisation}/orders",
            "/store/v1/{organisation}/products/{product}",
        ] {
            assert!(document["paths"][path].is_object(), "{path} is missing");
        }
    }
}
