//! Orders that are queued through the gateways, placed by whichever replica has their turn, and reserved by catalog: each is answered
//! at once, each has an outcome, and no more is sold than there is.

use std::collections::BTreeMap;

use e2e::{PATIENCE, Placed, Shop, invariants, order_of, together};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, eventually};

use crate::WISHES;

/// Waits until a queued order is placed or refused, as whoever queued it sees it; the reply says the same in its head.
async fn outcome(asker: &Client, at: &str) -> Value {
    eventually(PATIENCE, async || {
        let reply = asker.send(Method::GET, at, None).await;
        let told = reply.json();
        assert_eq!((reply.status, reply.header("location")), (200, told["order"].as_str()), "{told}");
        if told["status"] == "queued" { Err(told) } else { Ok(told) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_queued_at_once_for_sixty_pieces_exactly_sixty_stand_and_each_has_an_outcome() {
    const PIECES: i64 = 60;
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "queue").await;
    shop.sell(&store, &[("RUSH", 100, PIECES)]).await;
    let (by_shopper, by_staff) = (format!("{}/queue", shop.orders()), "/admin/v1/orders/queue".to_owned());
    // Every tenth wants what nobody sells.
    let queued = (0..110).map(|number| {
        let (client, path) =
            if number % 2 == 0 { (&shop.shopper, by_shopper.clone()) } else { (&shop.owner, by_staff.clone()) };
        let sku = if number % 11 == 10 { "NO-SUCH-SKU" } else { "RUSH" };
        let wanted = order_of(&[(sku, 1)]);
        async move {
            let reply = client.post_reply(&path, &wanted).await;
            assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("queued")), "{}", reply.text());
            (sku, path, reply.header("location").unwrap().to_owned(), Placed::of(&reply))
        }
    });
    let queued = join_all(queued).await;
    let outcomes = queued.iter().map(|(sku, path, location, placed)| {
        let asker = if *path == by_staff {
            shop.owner.clone()
        } else {
            shop.shopper.clone().with("order-token", &placed.token)
        };
        let shop = &shop;
        async move {
            assert_eq!(*location, format!("{path}/{}", placed.order));
            let told = outcome(&asker, location).await;
            if *sku == "RUSH" {
                assert_eq!(told["status"], "placed", "{told}");
                let order = told["order"].as_str().unwrap();
                let (status, seen) = asker.get(order).await;
                assert_eq!((status, &seen["id"]), (200, &json!(placed.order)), "{seen}");
                shop.leaves(placed.order, "pending").await["status"].as_str().unwrap().to_owned()
            } else {
                assert_eq!(told["problem"]["type"], "/problems/unsellable-lines", "{told}");
                assert_eq!(asker.get(&location.replace("/queue", "")).await.0, 404);
                told["status"].as_str().unwrap().to_owned()
            }
        }
    });
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for outcome in join_all(outcomes).await {
        *counts.entry(outcome).or_default() += 1;
    }
    let expected = [("confirmed", PIECES), ("refused", 10), ("rejected", 100 - PIECES)];
    assert_eq!(counts, expected.map(|(status, count)| (status.to_owned(), count)).into());
    // Catalog turns the last reservations into holds.
    eventually(PATIENCE, async || {
        let stock = shop.stock("RUSH").await;
        let seen = ["on_hand", "held", "available"].map(|field| stock[field].as_i64().unwrap());
        if seen == [PIECES, PIECES, 0] { Ok(()) } else { Err(stock) }
    })
    .await;
    // Each was placed by whoever asked for it.
    for (_, path, _, placed) in queued.iter().filter(|(sku, ..)| *sku == "RUSH").take(4) {
        let (_, timeline) = shop.owner.get(&format!("/admin/v1/orders/{}/timeline", placed.order)).await;
        let entries = timeline["items"].as_array().unwrap();
        let first = entries.iter().find(|entry| entry["version"] == 1).unwrap();
        let actor = first["actor"].as_str().unwrap();
        assert!(if *path == by_staff { actor.starts_with("user_") } else { actor == "shopper" }, "{first}");
    }
    let levels = invariants::levels(&store.superuser().await).await;
    assert!(levels.is_empty(), "{levels:?}");
}
