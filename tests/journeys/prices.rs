//! A price for a while from the seller's plan to the shopper's order.
//! The rule: while it is valid an order is taken at that price and no other, and nobody does anything for it.

use std::time::Duration;

use e2e::{PATIENCE, Shop, alone, usd};
use kernel::Clock;
use serde_json::json;
use testkit::eventually;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_taken_at_a_planned_price_while_it_is_valid_and_not_longer() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "sale").await;
    shop.sell(&store, &[("SALE", 1_000, 50)]).await;
    let variant = shop.stock("SALE").await["variant"].as_str().unwrap().to_owned();
    let orders = format!("/store/v1/{}/orders", shop.slug);
    let place = async |cents| {
        let order = json!({"lines": [{"sku": "SALE", "quantity": 1, "unit_price": usd(cents)}]});
        shop.shopper.post(&orders, &order).await
    };
    assert_eq!(place(1_000).await.0, 202);

    let in_seconds = |seconds| Clock::now() + Duration::from_secs(seconds);
    let sale = json!({"price": usd(600), "channel": "shop", "valid_from": in_seconds(3)});
    let (status, planned) = shop.owner.post(&format!("/admin/v1/variants/{variant}/prices"), &sale).await;
    assert_eq!((status, &planned["state"]), (201, &json!("planned")), "{planned}");
    let order = eventually(PATIENCE, async || {
        let (status, placed) = place(600).await;
        if status == 202 { Ok(placed) } else { Err(placed) }
    })
    .await;
    assert_eq!(order["total"], usd(600), "{order}");
    let (status, refused) = place(1_000).await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/price-changed")), "{refused}");
    shop.reaches(order["id"].as_str().unwrap().parse().unwrap(), "confirmed").await;

    let end = format!("/admin/v1/variants/{variant}/prices/{}/end", planned["id"].as_str().unwrap());
    let (status, ended) = shop.owner.post(&end, &json!({})).await;
    assert_eq!(status, 200, "{ended}");
    eventually(PATIENCE, async || {
        let (status, placed) = place(1_000).await;
        if status == 202 { Ok(()) } else { Err(placed) }
    })
    .await;
    assert_eq!(place(600).await.0, 409);
}
