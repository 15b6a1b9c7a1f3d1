//! Where a product is sold: catalog says it, the shop shows it, and orders of other channels are refused.

use e2e::{PATIENCE, Shop, order_of, together};
use serde_json::json;
use testkit::eventually;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_shown_and_ordered_where_it_is_listed() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "channels").await;
    shop.sell(&store, &[("MUG", 990, 10)]).await;
    let product = format!("/admin/v1/products/{}", shop.product("mug").await["id"].as_str().unwrap());
    let shown = format!("/store/v1/{}/products/mug", shop.slug);
    let list = async |channels: serde_json::Value| {
        let changing = shop.owner.clone().with("if-match", "*");
        let (status, body) = changing.patch(&product, &json!({"channels": channels})).await;
        assert_eq!((status, &body["channels"]), (200, &channels), "{body}");
    };
    let in_market = json!({"lines": [{"sku": "MUG", "quantity": 1}], "channel": "market"});

    list(json!(["market"])).await;
    assert_eq!(shop.shopper.get(&shown).await.0, 404, "the shop knows at once");
    eventually(PATIENCE, async || {
        let (status, body) = shop.shopper.post(&shop.orders(), &order_of(&[("MUG", 1)])).await;
        let reason = body["errors"][0]["reason"].as_str().unwrap_or_default();
        if status == 422 && reason.contains("not sold in the sales channel") { Ok(()) } else { Err(body) }
    })
    .await;
    let (status, body) = shop.owner.post("/admin/v1/orders", &in_market).await;
    assert_eq!(status, 202, "{body}");
    shop.reaches(body["id"].as_str().unwrap().parse().unwrap(), "confirmed").await;

    list(json!([])).await;
    eventually(PATIENCE, async || {
        let (status, body) = shop.owner.post("/admin/v1/orders", &in_market).await;
        if status == 422 { Ok(()) } else { Err(body) }
    })
    .await;

    list(json!(null)).await;
    assert_eq!(shop.shopper.get(&shown).await.0, 200);
    eventually(PATIENCE, async || {
        let (status, body) = shop.shopper.post(&shop.orders(), &order_of(&[("MUG", 1)])).await;
        if status == 202 { Ok(()) } else { Err(body) }
    })
    .await;
}
