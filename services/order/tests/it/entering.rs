//! Orders that staff writes down, the numbers of orders, and what they cost.

use std::collections::BTreeSet;

use contracts::{Channel, Envelope, order as said, topics};
use kernel::CustomerId;
use serde_json::{Value, json};
use testkit::{Caller, Topics, eventually};

use crate::world::{PATIENCE, Placed, World, one, product, settings};

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_come_together_have_numbers_that_follow_each_other_and_a_refused_one_takes_none() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let posts: Vec<_> = (0..16)
        .map(|number| {
            let (shopper, path) = (world.shopper(), world.orders());
            let sku = if number % 5 == 4 { "NOPE" } else { "MUG" };
            tokio::spawn(async move { shopper.post_reply(&path, &one(sku)).await })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for post in posts {
        let reply = post.await.unwrap();
        numbers.extend(reply.json()["number"].as_i64());
    }
    assert_eq!(numbers, (1_001..=1_013).collect());
    // Each organisation counts for itself, and staff finds an order by its number.
    let elsewhere = product("MUG", 1, 500);
    let organisation = world.scene.other_organisation();
    let scope = mediator::Scope::batch(order::NAME, [organisation]);
    let products = vec![order::domain::Product { organisation, ..elsewhere }];
    let apply = order::commands::ApplyProducts { products, rebuild: false };
    world.mediator().send(&scope, apply).await.unwrap();
    let other = format!("/store/v1/{}/orders", world.scene.other_slug());
    assert_eq!(world.shopper().post(&other, &one("MUG")).await.1["number"], 1_001);
    // A number is the order's before it is a part of somebody's phone number, unless nothing has it that the filter leaves.
    let called = json!({"lines": [{"sku": "MUG", "quantity": 1}], "contact": {"phone": "+84 90 101 0070"}});
    let called = world.shopper().post(&world.orders(), &called).await.1["number"].clone();
    let staff = world.client(Caller::Owner);
    for (asked, expected) in [
        ("where=number:eq:1007", json!(1_007)),
        ("q=1007&facets=status&total=exact", json!(1_007)),
        ("q=%231007", json!(1_007)),
        ("q=1007&where=number:ne:1007", called.clone()),
        ("q=01007", called.clone()),
        ("q=901010070", called),
    ] {
        let (status, page) = staff.get(&format!("/admin/v1/orders?{asked}")).await;
        let found: Vec<_> = page["items"].as_array().unwrap().iter().map(|order| order["number"].clone()).collect();
        assert_eq!((status, found), (200, vec![expected]), "{asked}: {page}");
        assert!(page["total"].is_null() || page["total"]["items"] == 1 && page["facets"]["status"][0]["count"] == 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_places_an_order_at_its_own_prices_and_every_part_of_it_is_told() {
    let world = World::start(settings(), Topics::On).await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    let customer = CustomerId::new();
    let body = json!({
        "lines": [
            {"sku": "MUG", "quantity": 3, "unit_price": usd("9.00"), "discount": usd("2.00"), "tax": usd("0.50")},
            {"sku": "TEA", "quantity": 2},
        ],
        "customer": customer, "channel": "phone", "reference": "called",
        "discount": usd("1.00"), "shipping": usd("4.99"), "tax": usd("0.10"), "total": usd("38.59"),
    });
    let staff = world.client(Caller::OrderManager).with("idempotency-key", "entered-once-and-for-all");
    let reply = staff.post_reply("/admin/v1/orders", &body).await;
    let order = reply.json();
    assert_eq!(reply.status, 202, "{order}");
    assert_eq!(
        (&order["source"], &order["channel"], &order["number"]),
        (&json!("staff"), &json!("phone"), &json!(1_001))
    );
    assert_eq!(order["total"], usd("38.59"));
    // 25.00 and 9.00 are left of the lines before the order's own amounts are spread over them.
    let mug = &order["lines"][0];
    assert_eq!((&mug["unit_price"], &mug["price_source"]), (&usd("9.00"), &json!("staff")));
    assert_eq!((&mug["discount"], &mug["tax"], &mug["shipping"]), (&usd("2.73"), &usd("0.57"), &usd("3.66")));
    let tea = &order["lines"][1];
    assert_eq!((&tea["unit_price"], &tea["price_source"]), (&usd("4.50"), &json!("catalog")));
    assert_eq!((&tea["discount"], &tea["tax"], &tea["shipping"]), (&usd("0.27"), &usd("0.03"), &usd("1.33")));
    let placed = Placed::of(&reply);
    assert_eq!(reply.header("location"), Some(format!("/admin/v1/orders/{}", placed.order).as_str()));
    assert_eq!(world.read(placed.order).await["lines"], order["lines"]);
    // The customer sees it as any of theirs.
    let (status, own) = world.customer(customer).get(&format!("{}/{}", world.orders(), placed.order)).await;
    assert_eq!((status, &own["total"]), (200, &usd("38.59")));
    let repeat = staff.post_reply("/admin/v1/orders", &body).await;
    assert_eq!(repeat.text(), reply.text());

    let event = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORDER.name).await;
        let record = records.first().ok_or("nothing was told")?;
        let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
        Ok::<_, &str>(said::OrderEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap())
    })
    .await;
    let said::OrderEvent::Placed(told) = event else { panic!("{event:?}") };
    assert_eq!(told.lines.iter().map(|line| line.price_given).collect::<Vec<_>>(), [true, false]);
    let standing = told.standing.unwrap();
    assert_eq!((standing.number, standing.source), (Some(1_001), said::Source::Staff));
    let nets: i64 = standing.lines.iter().map(|line| line.amounts.net.minor()).sum();
    assert_eq!(nets, told.total.minor());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_add_up_is_refused_and_says_what_would() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let staff = world.client(Caller::Owner);
    let line = json!([{"sku": "MUG", "quantity": 2}]);
    let (status, problem) =
        staff.post("/admin/v1/orders", &json!({"lines": line, "shipping": usd("5.00"), "total": usd("19.80")})).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/total-mismatch")), "{problem}");
    assert_eq!((&problem["given"], &problem["computed"]), (&usd("19.80"), &usd("24.80")));
    let vnd = json!({"amount": "1", "currency": "VND"});
    for (body, field) in [
        (json!({"lines": line, "discount": usd("19.81")}), "discount"),
        (json!({"lines": line, "tax": vnd}), "tax.currency"),
        (json!({"lines": [{"sku": "MUG", "quantity": 2, "discount": usd("19.81")}]}), "lines[0].discount"),
        (json!({"lines": [{"sku": "MUG", "quantity": 2, "tax": vnd}]}), "lines[0].sku"),
    ] {
        let (status, problem) = staff.post("/admin/v1/orders", &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
    }
    // A shopper states none of it, and a viewer places nothing.
    let (status, problem) = world.shopper().post(&world.orders(), &json!({"lines": line, "discount": usd("1")})).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(world.client(Caller::Viewer).post("/admin/v1/orders", &json!({"lines": line})).await.0, 403);
    assert_eq!(world.value("select count(*) from orders").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_costs_nothing_is_paid_for_and_holds_a_place_all_the_same() {
    let limited = order::domain::HoldLimits { per_customer: 0, per_address: 2 };
    let world = World::start(order::config::Settings { limits: limited, ..settings() }, Topics::Off).await;
    world.sell(&[("SAMPLE", 0)]).await;
    for _ in 0..2 {
        let placed = world.place("SAMPLE").await;
        assert_eq!(world.read(placed.order).await["payment_status"], "paid");
    }
    let (status, problem) = world.shopper().post(&world.orders(), &one("SAMPLE")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-open-orders")), "{problem}");
    assert_eq!(world.value("select string_agg(distinct payment_status, ' ') from order_history").await, "paid");
    world.stop().await;
}
