//! A price for a while from the seller's plan to the order, in the shop and in other sales channels.
//! The rule: while it is valid an order of its channel is taken at that price and no other, and nobody does anything for it.

use std::time::Duration;

use e2e::{PATIENCE, Placed, Shop, alone, invariants, order_of, together, usd};
use kernel::{Clock, OrderId, Timestamp};
use serde_json::{Value, json};
use testkit::{Reply, eventually};

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

/// A shop that sells a mug for 10.00, and the mug's variant and product.
struct Seller {
    shop: Shop,
    variant: String,
    product: String,
}

impl Seller {
    /// Gives a variant a price.
    async fn price(&self, variant: &str, price: &Value) -> Value {
        let (status, entry) = self.shop.owner.post(&format!("/admin/v1/variants/{variant}/prices"), price).await;
        assert_eq!(status, 201, "{entry}");
        entry
    }

    /// One mug for somebody in a channel, written down by staff. It is placed only where it comes to that.
    async fn enter(&self, channel: &str, cents: i64) -> Reply {
        let mut body = order_of(&[("MUG", 1)]);
        body["channel"] = json!(channel);
        body["total"] = usd(cents);
        self.shop.owner.post_reply("/admin/v1/orders", &body).await
    }

    /// Waits until a mug in this channel costs that, and until catalog has confirmed an order at that price.
    async fn costs(&self, channel: &str, cents: i64) -> OrderId {
        let placed = eventually(PATIENCE, async || {
            let reply = self.enter(channel, cents).await;
            if reply.status == 202 { Ok(Placed::of(&reply)) } else { Err(reply.json()) }
        })
        .await;
        assert_eq!(self.shop.reaches(placed.order, "confirmed").await["total"], usd(cents), "in {channel}");
        placed.order
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_sales_channel_costs_the_price_of_that_channel_from_its_plan_to_what_is_added_later() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "markets").await;
    shop.sell(&store, &[("MUG", 1_000, 50), ("LAMP", 2_500, 50)]).await;
    let variant = async |sku: &str| shop.stock(sku).await["variant"].as_str().unwrap().to_owned();
    let (mug, lamp) = (variant("MUG").await, variant("LAMP").await);
    let product = shop.product("mug").await["id"].as_str().unwrap().to_owned();
    let seller = Seller { shop, variant: mug, product };

    // One price in the market, another one in the shop, the base price everywhere else.
    seller.price(&seller.variant, &json!({"price": usd(800), "channel": "market"})).await;
    seller.price(&seller.variant, &json!({"price": usd(1_100), "channel": "shop"})).await;
    seller.price(&lamp, &json!({"price": usd(2_000), "channel": "market"})).await;
    for (channel, cents) in [("market", 800), ("shop", 1_100), ("phone", 1_000)] {
        seller.costs(channel, cents).await;
    }

    // What is planned for the market begins there by itself, and nowhere else.
    let begins = Clock::now() + Duration::from_secs(3);
    let planned = json!({"price": usd(600), "channel": "market", "valid_from": begins});
    assert_eq!(seller.price(&seller.variant, &planned).await["state"], "planned");
    let in_market = seller.costs("market", 600).await;
    let placed_at: Timestamp = serde_json::from_value(seller.shop.read(in_market).await["placed_at"].clone()).unwrap();
    assert!(placed_at >= begins, "sold for less at {placed_at}, before {begins}");
    for (channel, cents) in [("shop", 1_100), ("phone", 1_000)] {
        seller.costs(channel, cents).await;
    }

    // Holds order's copy where it is: what catalog changes is told, and cannot be written down yet.
    let client = store.superuser().await;
    let hold = format!(
        "begin; select 1 from \"order\".sellable_products p join auth.organisations o using (org_id)
         where o.slug = '{}' for update of p",
        seller.shop.slug
    );
    client.batch_execute(&hold).await.unwrap();
    seller.price(&seller.variant, &json!({"price": usd(700), "channel": "market"})).await;
    let changing = seller.shop.owner.clone().with("if-match", "*");
    let listed = json!({"channels": ["shop", "market"]});
    let (status, body) = changing.patch(&format!("/admin/v1/products/{}", seller.product), &listed).await;
    assert_eq!(status, 200, "{body}");
    // At what the copy says, which is as it was.
    let dear = Placed::of(&seller.enter("market", 600).await);
    let unlisted = Placed::of(&seller.enter("phone", 1_000).await);
    client.batch_execute("rollback").await.unwrap();
    let both = json!([{"reason": "price-changed", "sku": "MUG", "offered": usd(600), "current": usd(700)}]);
    assert_eq!(seller.shop.reaches(dear.order, "rejected").await["reasons"], both);
    let nowhere = json!([{"reason": "not-in-channel", "sku": "MUG"}]);
    assert_eq!(seller.shop.reaches(unlisted.order, "rejected").await["reasons"], nowhere);
    seller.costs("market", 700).await;

    // A lamp is added at what it costs in the market; the mug stays at what it was sold for.
    let more = json!({"lines": [{"sku": "LAMP", "quantity": 1}]});
    let editing = changing.with("idempotency-key", "a-lamp-for-somebody-in-the-market");
    let (status, asked) = editing.patch(&format!("/admin/v1/orders/{in_market}/lines"), &more).await;
    assert_eq!(status, 202, "{asked}");
    eventually(PATIENCE, async || {
        let order = seller.shop.read(in_market).await;
        if order["total"] == usd(2_600) { Ok(()) } else { Err(order) }
    })
    .await;
    invariants::assert_sound_beside_others(&store).await;
}
