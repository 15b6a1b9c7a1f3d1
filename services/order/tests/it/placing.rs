//! Placing orders over HTTP: prices, refusals, and once per key.

use std::collections::BTreeSet;

use contracts::catalog::Listing;
use order::domain::Product;
use serde_json::{Value, json};
use testkit::{Caller, Topics};

use crate::world::{Placed, World, one, product, settings, woken, woken_only};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_accepted_with_its_total_its_place_and_a_token_that_only_its_holder_has() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    let body = json!({
        "lines": [
            {"sku": "MUG", "quantity": 1, "unit_price": {"amount": "9.90", "currency": "USD"}},
            {"sku": "TEA", "quantity": 2},
            {"sku": "MUG", "quantity": 1},
        ],
        "reference": "gift",
    });
    let reply = world.shopper().post_reply(&world.orders(), &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let order = reply.json();
    assert_eq!(order["status"], "pending");
    assert_eq!(order["reference"], "gift");
    assert_eq!(order["total"], json!({"amount": "28.80", "currency": "USD"}));
    let lines: Vec<_> =
        order["lines"].as_array().unwrap().iter().map(|line| (&line["sku"], &line["quantity"])).collect();
    assert_eq!(lines, [(&json!("MUG"), &json!(2)), (&json!("TEA"), &json!(2))]);

    let placed = Placed::of(&reply);
    let location = reply.header("location").unwrap().to_owned();
    assert_eq!(location, format!("{}/{}", world.orders(), placed.order));
    let (status, found) = world.shopper().with("order-token", &placed.token).get(&location).await;
    assert_eq!((status, &found["total"]), (200, &order["total"]));
    assert_eq!(found["lines"], order["lines"]);

    let row = world.value("select o::text || encode(token_digest, 'hex') from orders o").await;
    assert!(!row.contains(&placed.token), "the token stands in the orders table");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sku_that_cannot_be_sold_is_named_with_its_line() {
    let world = World::quiet().await;
    let mut retired = product("OLD", 3, 100);
    retired.variants[0].for_sale = false;
    let mut foreign = product("PHO", 1, 1);
    foreign.variants[0].price = kernel::Money::parse("50000", kernel::Currency::parse("VND").unwrap()).unwrap();
    world.apply(vec![product("MUG", 1, 990), retired, foreign]).await;
    let body = json!({"lines": [
        {"sku": "NOPE", "quantity": 1}, {"sku": "MUG", "quantity": 1},
        {"sku": "OLD", "quantity": 1}, {"sku": "NADA", "quantity": 1}, {"sku": "PHO", "quantity": 1},
    ]});
    let (status, problem) = world.shopper().post(&world.orders(), &body).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/unsellable-lines")), "{problem}");
    let named = faults(&problem);
    assert_eq!(fields(&named), ["lines[0].sku", "lines[2].sku", "lines[3].sku", "lines[4].sku"]);
    assert!(named.iter().any(|(_, reason)| reason.contains("NOPE")), "{named:?}");
    assert!(named.iter().any(|(_, reason)| reason.contains("OLD is not for sale")), "{named:?}");
    assert!(named.iter().any(|(_, reason)| reason.contains("PHO is sold in VND")), "{named:?}");
    assert_eq!(world.value("select count(*) from orders").await, "0");
    assert_eq!(world.value("select count(*) from outbox").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_ordered_in_the_channels_that_it_is_listed_in() {
    let world = World::quiet().await;
    let listed = |sku: &str, channels: &[&str]| {
        let channels = channels.iter().map(|code| kernel::ChannelCode::parse(code).unwrap());
        Product { listing: Listing::only(channels.collect()), ..product(sku, 1, 990) }
    };
    world.apply(vec![product("MUG", 1, 990), listed("TEA", &["market", "phone"]), listed("POT", &[])]).await;
    let staff = world.client(Caller::OrderManager);
    let entered = async |sku: &str, channel: &str| {
        let mut body = one(sku);
        body["channel"] = json!(channel);
        let (status, reply) = staff.post("/admin/v1/orders", &body).await;
        (status, reply["errors"][0]["reason"].as_str().unwrap_or_default().to_owned())
    };
    for (sku, channel, sold) in [
        ("MUG", "market", true),
        ("TEA", "market", true),
        ("TEA", "phone", true),
        ("TEA", "outlet", false),
        ("TEA", "shop", false),
        ("POT", "market", false),
    ] {
        let (status, reason) = entered(sku, channel).await;
        assert_eq!(status, if sold { 202 } else { 422 }, "{sku} in {channel}: {reason}");
        assert_eq!(reason.contains("is not sold in the sales channel"), !sold, "{sku} in {channel}: {reason}");
    }
    let (status, problem) = world.shopper().post(&world.orders(), &one("TEA")).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/unsellable-lines")), "{problem}");
    assert_eq!(fields(&faults(&problem)), ["lines[0].sku"], "{problem}");
    // What was sold elsewhere is taken, wherever the product is listed by now.
    let sold = json!({
        "channel": "bazaar", "external_reference": "B-1", "placed_at": "2026-01-05T08:00:00Z", "status": "confirmed",
        "raw_status": "PAID", "raw_status_at": "2026-01-05T09:00:00Z",
        "lines": [{"sku": "POT", "quantity": 1, "unit_price": {"amount": "7.50", "currency": "USD"}}],
    });
    let (status, imported) = staff.post("/admin/v1/orders/import", &sold).await;
    assert_eq!(status, 201, "{imported}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_other_than_the_one_shown_is_refused_with_both() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": {"amount": "8.90", "currency": "USD"}}]});
    let (status, problem) = world.shopper().post(&world.orders(), &body).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/price-changed")), "{problem}");
    let change = &problem["changes"][0];
    assert_eq!(change["shown"], json!({"amount": "8.90", "currency": "USD"}));
    assert_eq!(change["current"], json!({"amount": "9.90", "currency": "USD"}));
    assert_eq!(fields(&faults(&problem)), ["lines[0].unit_price"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_body_is_said_at_once() {
    let world = World::quiet().await;
    let price = json!({"amount": "1,5", "currency": "usd"});
    let body = json!({
        "lines": [{"sku": "A B", "quantity": 0}, {"sku": "", "quantity": 1, "unit_price": price}],
        "reference": "",
    });
    let (status, problem) = world.shopper().post(&world.orders(), &body).await;
    let expected = [
        "lines[0].quantity",
        "lines[0].sku",
        "lines[1].sku",
        "lines[1].unit_price.amount",
        "lines[1].unit_price.currency",
        "reference",
    ];
    let named = faults(&problem);
    let mut named = fields(&named);
    named.sort_unstable();
    assert_eq!((status, named), (422, expected.to_vec()), "{problem}");
    for wrong in
        [json!({"lines": []}), json!({"lines": [], "total": 1}), json!({"lines": vec![&one("X")["lines"][0]; 101]})]
    {
        let (status, problem) = world.shopper().post(&world.orders(), &wrong).await;
        assert_eq!(status, 422, "{problem}");
    }
    let nowhere = world.shopper().post("/store/v1/no-such-shop/orders", &one("MUG")).await;
    assert_eq!((nowhere.0, &nowhere.1["type"]), (404, &json!("/problems/organisation-not-found")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_orders_that_come_together_the_one_that_cannot_be_sold_is_refused_alone() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    let sku = |number: usize| ["MUG", "TEA", "NOPE"][if number == 5 { 2 } else { number % 2 }];
    let posts: Vec<_> = (0..16)
        .map(|number| {
            let (shopper, path) = (world.shopper(), world.orders());
            tokio::spawn(async move { shopper.post_reply(&path, &one(sku(number))).await })
        })
        .collect();
    let mut orders = BTreeSet::new();
    for (number, post) in posts.into_iter().enumerate() {
        let reply = post.await.unwrap();
        if number == 5 {
            assert_eq!(reply.status, 422, "{}", reply.text());
            assert_eq!(fields(&faults(&reply.json())), ["lines[0].sku"]);
            continue;
        }
        assert_eq!(reply.status, 202, "{}", reply.text());
        let placed = Placed::of(&reply);
        let holder = world.shopper().with("order-token", &placed.token);
        let (status, found) = holder.get(&format!("{}/{}", world.orders(), placed.order)).await;
        assert_eq!((status, &found["lines"][0]["sku"]), (200, &json!(sku(number))), "not what was ordered");
        orders.insert(placed.order.to_string());
    }
    assert_eq!(orders.len(), 15, "two were answered with one order");
    assert_eq!(world.value("select count(*) from orders").await, "15");
    assert_eq!(world.value("select count(*) from order_history where cause = 'placed'").await, "15");
    assert_eq!(world.value("select count(distinct aggregateid) from outbox").await, "15");
    assert_eq!(world.value("select count(*) from replays").await, "15");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_places_one_order_and_every_repeat_gets_the_same_status_location_and_bytes() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper().with("idempotency-key", "once-and-for-all");
    let posts = (0..100).map(|_| {
        let (shopper, path) = (shopper.clone(), world.orders());
        tokio::spawn(async move {
            loop {
                let reply = shopper.post_reply(&path, &one("MUG")).await;
                // A key that is in use is told so; a client then asks again.
                if reply.status != 409 {
                    break reply;
                }
            }
        })
    });
    let mut replies = BTreeSet::new();
    for post in posts.collect::<Vec<_>>() {
        let reply = post.await.unwrap();
        let location = reply.header("location").map(str::to_owned);
        replies.insert((reply.status, location, reply.bytes));
    }
    assert_eq!(replies.len(), 1, "{replies:?}");
    let (status, location, body) = replies.pop_first().unwrap();
    assert_eq!(status, 202);
    let order: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(location, Some(format!("{}/{}", world.orders(), order["id"].as_str().unwrap())));
    assert_eq!(world.value("select count(*) from orders").await, "1");
    assert_eq!(world.value("select count(*) from outbox").await, "1");

    let (status, problem) = shopper.post(&world.orders(), &json!({"lines": [{"sku": "MUG", "quantity": 2}]})).await;
    assert_eq!(status, 422, "{problem}");
    let (status, problem) = world.shopper().without_key().post(&world.orders(), &one("MUG")).await;
    assert_eq!(status, 400, "{problem}");
    // Somebody else might send it too, and would get this order's token.
    let (status, problem) = world.shopper().with("idempotency-key", "order-1").post(&world.orders(), &one("MUG")).await;
    assert_eq!((status, fields(&faults(&problem))), (422, vec!["Idempotency-Key"]), "{problem}");
    assert_eq!(world.value("select count(*) from orders").await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_the_release_before_recorded_is_repeated_byte_for_byte() {
    const KEY: &str = "placed-with-the-release-before";
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper().with("idempotency-key", KEY);
    let first = shopper.post_reply(&world.orders(), &one("MUG")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, None), "{}", first.text());
    let location = format!("{}/{}", world.orders(), Placed::of(&first).order);

    let unreadable = r#"{"order":"in a form that this release does not know"}"#.to_owned();
    for (body, repeated_location) in [(first.text(), Some(location.as_str())), (unreadable, None)] {
        // The digest of a request is the same in both releases.
        let digest = world.value("select encode(request_digest, 'hex') from replays").await;
        let organisation = world.scene.organisation().uuid();
        world
            .execute(&format!(
                "delete from replays;
                 insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, location,
                                      body)
                 values ('{organisation}', 'shopper', 'order.place-order', '{KEY}', decode('{digest}', 'hex'), 202,
                         '{location}', convert_to('{body}', 'UTF8'))"
            ))
            .await;
        let repeat = shopper.post_reply(&world.orders(), &one("MUG")).await;
        assert_eq!((repeat.status, repeat.text()), (202, body));
        assert_eq!(repeat.header("location"), repeated_location);
        assert_eq!(repeat.header("idempotency-replayed"), Some("true"));
    }
    assert_eq!(world.value("select count(*) from orders").await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_waits_gets_the_outcome_of_the_order_that_the_key_placed() {
    let world = World::start(woken_only(settings()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper().with("idempotency-key", "once-and-for-all");
    let placed = Placed::of(&shopper.post_reply(&world.orders(), &one("MUG")).await);
    let cancel = format!("/admin/v1/orders/{}/cancel", placed.order);
    assert_eq!(world.client(Caller::Owner).post(&cancel, &json!({})).await.0, 200);
    let repeat = woken(shopper.with("prefer", "wait=30").post_reply(&world.orders(), &one("MUG"))).await;
    assert_eq!((repeat.status, &repeat.json()["status"]), (201, &json!("cancelled")), "{}", repeat.text());
    let location = format!("{}/{}", world.orders(), placed.order);
    assert_eq!(repeat.header("location"), Some(location.as_str()));
    assert_eq!(repeat.json()["order_token"], placed.token);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_in_vain_gets_the_pending_order_when_the_time_is_over() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let began = std::time::Instant::now();
    let reply = world.shopper().with("prefer", "wait=1").post_reply(&world.orders(), &one("MUG")).await;
    assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("pending")));
    let location = format!("{}/{}", world.orders(), Placed::of(&reply).order);
    assert_eq!(reply.header("location"), Some(location.as_str()), "where its outcome will be found");
    assert!(began.elapsed().as_secs_f64() > 0.9, "it did not wait");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sku_that_moves_between_products_is_sold_by_the_one_that_sells_it() {
    let world = World::quiet().await;
    let mut former = product("MUG", 4, 100);
    former.variants[0].for_sale = false;
    // The record of the former product, which lets the SKU go, is still on its way.
    world.apply(vec![former, product("MUG", 1, 250)]).await;
    let placed = world.place("MUG").await;
    let order = world.client(Caller::Owner).get(&format!("/admin/v1/orders/{}", placed.order)).await.1;
    assert_eq!(order["total"]["amount"], "2.50");
    world.stop().await;
}

fn faults(problem: &Value) -> Vec<(String, String)> {
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|fault| (text(fault, "field"), text(fault, "reason"))).collect()
}

fn fields(faults: &[(String, String)]) -> Vec<&str> {
    let mut fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
    fields.sort_unstable();
    fields
}
