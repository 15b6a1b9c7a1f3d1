//! Orders of several sales channels: each costs what its own channel has it cost, however it comes in.
//! The rule: prices come from the topic, so what the copy has of them is part of what is tried.

use contracts::{
    catalog::{ChannelPrice, ProductState, ProductStatus, Reason, VariantState},
    order as said,
};
use kernel::{ChannelCode, OrderId, Sku, Slug};
use order::domain;
use serde_json::{Value, json};
use testkit::{Caller, Client, eventually};
use uuid::Uuid;

use crate::{
    life::{amount, told},
    world::{PATIENCE, Placed, World, product, usd},
};

fn channel(code: &str) -> ChannelCode {
    ChannelCode::parse(code).unwrap()
}

/// What a variant costs in the shop, in `market` and everywhere else, in cents.
#[derive(Clone, Copy)]
struct Costs {
    shop: i64,
    market: Option<i64>,
    elsewhere: Option<i64>,
}

/// What catalog would say of a product in this version.
async fn publish(world: &World, product: &domain::Product, version: i64, costs: Costs) {
    let variants = product.variants.iter().map(|variant| VariantState {
        channel_prices: costs
            .market
            .map(|cents| ChannelPrice { channel: channel("market"), price: usd(cents) })
            .into_iter()
            .collect(),
        price_elsewhere: costs.elsewhere.map(usd),
        ..VariantState::new(variant.id, variant.sku.clone(), variant.title.clone(), usd(costs.shop))
    });
    let slug = Slug::parse(&product.variants[0].sku.to_string().to_lowercase()).unwrap();
    let state = ProductState {
        variants: variants.collect(),
        ..ProductState::new(product.id, slug, product.title.clone(), ProductStatus::Active, version)
    };
    world.scene.publish(version, &state).await;
    let known = format!("select version from sellable_products where product_id = '{}'", product.id.uuid());
    eventually(PATIENCE, async || {
        let known = world.value(&known).await;
        if known == version.to_string() { Ok(()) } else { Err(known) }
    })
    .await;
}

/// A world in which the mug costs 9.90 in the shop, 8.00 in the market and 9.50 elsewhere.
async fn world() -> (World, domain::Product) {
    let (world, mug) = (World::connected().await, product("MUG", 1, 990));
    publish(&world, &mug, 1, Costs { shop: 990, market: Some(800), elsewhere: Some(950) }).await;
    (world, mug)
}

fn anew(world: &World) -> Client {
    world.client(Caller::Owner).with("idempotency-key", &Uuid::new_v4().to_string())
}

/// Two mugs for somebody in a channel; the shop when there is none.
fn mugs(channel: Option<&str>) -> Value {
    let mut body = json!({"lines": [{"sku": "MUG", "quantity": 2}]});
    if let Some(channel) = channel {
        body["channel"] = json!(channel);
    }
    body
}

async fn entered(world: &World, channel: Option<&str>) -> (OrderId, Value) {
    let reply = anew(world).post_reply("/admin/v1/orders", &mugs(channel)).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    (Placed::of(&reply).order, reply.json())
}

/// What catalog was asked to reserve for an order: in which channel, at what price of the first line, given by whom.
async fn asked(world: &World, order: OrderId) -> (Option<ChannelCode>, i64, bool) {
    let said::OrderEvent::Placed(placed) = told(world, order, 1).await.remove(0).1 else { panic!("it was placed") };
    (placed.priced_in, placed.lines[0].unit_price.minor(), placed.lines[0].price_given)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_costs_what_its_channel_has_it_cost_however_it_comes_in() {
    let (world, _) = world().await;
    for (named, priced_in, cents) in [
        (None, "shop", 990),
        (Some("shop"), "shop", 990),
        (Some("market"), "market", 800),
        (Some("phone"), "phone", 950),
    ] {
        let (order, body) = entered(&world, named).await;
        let line = &body["lines"][0];
        assert_eq!((&line["price_source"], &line["product_version"]), (&json!("catalog"), &json!(1)), "{body}");
        assert_eq!(serde_json::to_value(usd(cents)).unwrap(), line["unit_price"], "{body}");
        assert_eq!(serde_json::to_value(usd(2 * cents)).unwrap(), body["total"], "{body}");
        assert_eq!(asked(&world, order).await, (Some(channel(priced_in)), cents, false));
    }
    let shopper = world.place("MUG").await;
    assert_eq!(asked(&world, shopper.order).await, (Some(ChannelCode::shop()), 990, false));

    let queued = Placed::of(&anew(&world).post_reply("/admin/v1/orders/queue", &mugs(Some("market"))).await);
    eventually(PATIENCE, async || {
        let (_, told) = world.client(Caller::Owner).get(&format!("/admin/v1/orders/queue/{}", queued.order)).await;
        if told["status"] == "placed" { Ok(()) } else { Err(told) }
    })
    .await;
    assert_eq!(world.read(queued.order).await["total"], amount("16.00"));
    assert_eq!(asked(&world, queued.order).await, (Some(channel("market")), 800, false));

    // What was sold elsewhere was priced there, and is held against no price and no listing of ours.
    let sold = json!({
        "channel": "market", "external_reference": "A-1", "placed_at": "2026-01-05T08:00:00Z", "raw_status": "PAID",
        "raw_status_at": "2026-01-05T08:00:00Z", "lines": [{"sku": "MUG", "quantity": 1, "unit_price": amount("7.77")}],
    });
    let (status, sold) = anew(&world).post("/admin/v1/orders/import", &sold).await;
    assert_eq!(status, 201, "{sold}");
    assert_eq!(asked(&world, sold["order"].as_str().unwrap().parse().unwrap()).await, (None, 777, true));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_of_a_channel_that_catalog_says_anew_counts_for_the_next_order_and_not_for_what_is_placed() {
    let (world, mug) = world().await;
    let (before, _) = entered(&world, Some("market")).await;
    publish(&world, &mug, 2, Costs { shop: 990, market: Some(700), elsewhere: None }).await;
    let (_, body) = entered(&world, Some("market")).await;
    assert_eq!((&body["total"], &body["lines"][0]["product_version"]), (&amount("14.00"), &json!(2)));
    assert_eq!(entered(&world, Some("phone")).await.1["total"], amount("19.80"), "what the shop asks for");
    publish(&world, &mug, 3, Costs { shop: 600, market: None, elsewhere: Some(650) }).await;
    assert_eq!(entered(&world, Some("market")).await.1["total"], amount("13.00"));
    assert_eq!(entered(&world, None).await.1["total"], amount("12.00"));
    // A version that comes late brings no price back.
    let other_prices = domain::OtherPrices { channels: [(channel("market"), usd(1))].into(), elsewhere: Some(usd(1)) };
    let variants = vec![domain::Variant { other_prices, ..mug.variants[0].clone() }];
    world.apply(vec![domain::Product { version: 2, variants, ..mug }]).await;
    assert_eq!(entered(&world, Some("market")).await.1["total"], amount("13.00"));

    // Catalog's own prices have changed since: the order ends, and staff sees both.
    let changed = Reason::PriceChanged { sku: Sku::parse("MUG").unwrap(), offered: usd(800), current: usd(650) };
    let unlisted = Reason::NotInChannel { sku: Sku::parse("MUG").unwrap() };
    world.rejected(before, vec![changed, unlisted]).await;
    let order = world.reaches(before, "rejected").await;
    assert_eq!(
        order["reasons"],
        json!([
            {"reason": "price-changed", "sku": "MUG", "offered": amount("8.00"), "current": amount("6.50")},
            {"reason": "not-in-channel", "sku": "MUG"},
        ])
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_added_later_costs_what_it_costs_in_the_channel_of_the_order() {
    let (world, _) = world().await;
    let lamp = product("LAMP", 1, 2_500);
    publish(&world, &lamp, 1, Costs { shop: 2_500, market: Some(2_000), elsewhere: None }).await;
    let (order, _) = entered(&world, Some("market")).await;
    world.reserved(order).await;
    world.reaches(order, "confirmed").await;
    let more = json!({"lines": [{"sku": "LAMP", "quantity": 1}, {"sku": "MUG", "quantity": 3}]});
    let editing = anew(&world).with("if-match", "*");
    let (status, asked) = editing.patch(&format!("/admin/v1/orders/{order}/lines"), &more).await;
    assert_eq!(status, 202, "{asked}");
    let events = told(&world, order, 3).await;
    let said::OrderEvent::AdditionRequested(added) = &events[2].1 else { panic!("{:?}", events[2]) };
    assert_eq!(added.priced_in, Some(channel("market")));
    let mut lines: Vec<_> =
        added.lines.iter().map(|line| (line.sku.as_str(), line.unit_price, line.price_given)).collect();
    lines.sort_unstable_by_key(|(sku, ..)| *sku);
    assert_eq!(lines, [("LAMP", usd(2_000), false), ("MUG", usd(800), true)]);
    world.extended(order, 1, 3).await;
    eventually(PATIENCE, async || {
        let seen = world.read(order).await["total"].clone();
        if seen == amount("44.00") { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}
