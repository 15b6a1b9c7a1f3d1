//! The life of an order through the gateway, order, Kafka and catalog to the stock: what is sent leaves it, what is cancelled is free
//! again, and what comes back can be sold again.

use std::collections::BTreeMap;

use contracts::order::OrderEvent;
use contracts::{Channel, Envelope, topics};
use e2e::{PATIENCE, Shop, Store, alone, invariants, together};
use futures::future::join_all;
use kernel::OrderId;
use serde_json::{Value, json};
use testkit::eventually;

use crate::WISHES;

fn pieces(lines: &[(&str, i64)]) -> Value {
    lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect()
}

/// What staff does with an order; the reply is where it stands.
async fn step(shop: &Shop, order: kernel::OrderId, step: &str, body: Value) -> Value {
    let (status, reply) = shop.owner.post(&format!("/admin/v1/orders/{order}/{step}"), &body).await;
    assert!(status == 200 || status == 201, "{step}: {status} {reply}");
    reply
}

/// Waits until the stock of a SKU is so: on hand, held, available.
async fn stock_is(shop: &Shop, sku: &str, figures: [i64; 3]) {
    eventually(PATIENCE, async || {
        let stock = shop.stock(sku).await;
        let seen = ["on_hand", "held", "available"].map(|field| stock[field].as_i64().unwrap());
        if seen == figures { Ok(()) } else { Err(stock) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_leaves_the_stock_what_is_cancelled_is_free_and_what_comes_back_is_sold_again() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "life").await;
    shop.sell(&store, &[("VASE", 2_000, 10), ("ROSE", 300, 10)]).await;
    let placed = shop.place(&[("VASE", 4), ("ROSE", 2)]).await;
    let order = placed.order;
    // Its shopper follows it through one gateway and one replica, whichever replica does the steps.
    let holder = shop.shopper.clone().with("order-token", &placed.token);
    let mut stream = holder.follow(&format!("{}/{order}/events", shop.orders())).await.unwrap();
    shop.reaches(order, "confirmed").await;
    stock_is(&shop, "VASE", [10, 4, 6]).await;

    step(
        &shop,
        order,
        "payments",
        json!({"kind": "received", "method": "cash", "amount": {"amount": "86.00", "currency": "USD"}}),
    )
    .await;
    step(&shop, order, "pack", json!({"lines": pieces(&[("VASE", 2)])})).await;
    let sent = step(
        &shop,
        order,
        "ship",
        json!({"lines": pieces(&[("VASE", 2)]), "carrier": "Post", "tracking_number": "V1"}),
    )
    .await;
    stock_is(&shop, "VASE", [8, 2, 6]).await;
    let cancelled = step(&shop, order, "cancel-lines", json!({"lines": pieces(&[("VASE", 1)])})).await;
    assert_eq!(cancelled["status"], "confirmed");
    stock_is(&shop, "VASE", [8, 1, 7]).await;
    let rest = step(&shop, order, "ship", json!({})).await;
    assert_eq!(rest["status"], "shipped");
    stock_is(&shop, "VASE", [7, 0, 7]).await;
    stock_is(&shop, "ROSE", [8, 0, 8]).await;
    for parcel in [&sent["parcel"], &rest["parcel"]] {
        step(&shop, order, &format!("parcels/{}/deliver", parcel.as_str().unwrap()), json!({})).await;
    }
    step(&shop, order, "complete", json!({})).await;

    let back = step(&shop, order, "returns", json!({"lines": pieces(&[("VASE", 3)]), "reason": "Cracked"})).await;
    let back = format!("returns/{}", back["return_id"].as_str().unwrap());
    step(&shop, order, &format!("{back}/approve"), json!({})).await;
    stock_is(&shop, "VASE", [7, 0, 7]).await;
    let decision = json!({"restocked": pieces(&[("VASE", 2)]), "written_off": pieces(&[("VASE", 1)])});
    let received = step(&shop, order, &format!("{back}/receive"), decision).await;
    assert_eq!((&received["status"], &received["fulfilment_status"]), (&json!("completed"), &json!("partly-returned")));
    stock_is(&shop, "VASE", [9, 0, 9]).await;
    let payment = &shop.read(order).await["payments"][0]["id"];
    let refund = json!({"payment": payment, "method": "cash", "amount": {"amount": "60.00", "currency": "USD"}});
    assert_eq!(step(&shop, order, "refunds", refund).await["payment_status"], "partly-refunded");

    let mut followed = Vec::new();
    while let Some(event) = stream.next().await {
        followed.push((event.id, event.data["transition"]["event"].as_str().unwrap_or("as it is").to_owned()));
    }
    let ids: Vec<i64> = followed.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        ids,
        (ids[0]..=*ids.last().unwrap()).collect::<Vec<_>>(),
        "nothing is missed and nothing twice: {followed:?}"
    );
    // A stream that is read late may say also what happened after the order was over.
    assert!(followed.contains(&(10, "completed".to_owned())), "{followed:?}");

    // The shopper reads it, and the goods that came back are sold to somebody else.
    let (status, seen) = holder.get(&format!("{}/{order}", shop.orders())).await;
    assert_eq!((status, &seen["parcels"][0]["tracking_number"]), (200, &json!("V1")), "{seen}");
    let next = shop.place(&[("VASE", 9)]).await.order;
    shop.reaches(next, "confirmed").await;
    let (_, page) = shop.owner.get(&format!("/admin/v1/orders/{order}/timeline?limit=100")).await;
    let events: Vec<&str> =
        page["items"].as_array().unwrap().iter().rev().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "placed",
            "confirmed",
            "payment-recorded",
            "packed",
            "shipped",
            "lines-cancelled",
            "shipped",
            "delivered",
            "delivered",
            "completed",
            "return-requested",
            "return-approved",
            "returned",
            "refunded",
        ]
    );
    invariants::assert_sound_beside_others(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_staff_takes_off_before_packing_are_free_again() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "edited").await;
    shop.sell(&store, &[("BOWL", 1_000, 10), ("CUP", 300, 10)]).await;
    let order = shop.place(&[("BOWL", 4), ("CUP", 1)]).await.order;
    shop.reaches(order, "confirmed").await;
    stock_is(&shop, "BOWL", [10, 4, 6]).await;
    let less = json!({"lines": [{"sku": "BOWL", "quantity": 1}, {"sku": "CUP", "quantity": 0}]});
    let keyed = shop.owner.clone().with("if-match", "*").with("idempotency-key", "one-bowl-and-no-cup");
    let (status, edited) = keyed.patch(&format!("/admin/v1/orders/{order}/lines"), &less).await;
    assert_eq!((status, &edited["status"]), (201, &json!("confirmed")), "{edited}");
    stock_is(&shop, "BOWL", [10, 1, 9]).await;
    stock_is(&shop, "CUP", [10, 0, 10]).await;
    assert_eq!(step(&shop, order, "ship", json!({})).await["status"], "shipped");
    stock_is(&shop, "BOWL", [9, 0, 9]).await;
    invariants::assert_sound_beside_others(&store).await;
}

/// What the events of an order come to by now: what was placed and added, less what was cancelled and came back, in cents.
async fn told_sum(store: &Store, order: OrderId) -> i64 {
    let mut sums = BTreeMap::new();
    for record in testkit::read_topic(&store.kafka(), topics::ORDER.name).await {
        let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
        if envelope.subject != order.uuid() {
            continue;
        }
        let event = OrderEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
        let lines = match event {
            OrderEvent::Placed(it) => {
                sums.insert(envelope.aggregate_version, it.total.minor());
                continue;
            }
            OrderEvent::Edited(it) => it.lines,
            OrderEvent::LinesCancelled(it) => it.lines,
            OrderEvent::Cancelled(it) => it.lines,
            OrderEvent::Returned(it) => it.lines,
            _ => continue,
        };
        sums.insert(envelope.aggregate_version, lines.iter().map(|line| line.amounts.net.minor()).sum());
    }
    sums.into_values().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_staff_adds_before_packing_are_held_sent_and_returned_or_change_nothing() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "added").await;
    shop.sell(&store, &[("VAT", 1_000, 10), ("MUG", 300, 10), ("RARE", 500, 1)]).await;
    let order = shop.place(&[("VAT", 2)]).await.order;
    shop.reaches(order, "confirmed").await;
    let edit = async |key: &str, lines: &[(&str, i64)]| {
        let keyed = shop.owner.clone().with("if-match", "*").with("idempotency-key", key);
        let (status, reply) =
            keyed.patch(&format!("/admin/v1/orders/{order}/lines"), &json!({"lines": pieces(lines)})).await;
        assert_eq!(status, 202, "{reply}");
        eventually(PATIENCE, async || {
            let order = shop.read(order).await;
            if order["addition"].is_null() { Ok(order) } else { Err(order) }
        })
        .await
    };
    let more = edit("two-vats-and-a-mug-more", &[("VAT", 4), ("MUG", 1)]).await;
    assert_eq!(more["total"]["amount"], "43.00", "{more}");
    stock_is(&shop, "VAT", [10, 4, 6]).await;
    stock_is(&shop, "MUG", [10, 1, 9]).await;
    let same = edit("more-than-there-is", &[("MUG", 2), ("RARE", 2)]).await;
    for field in ["lines", "total", "due", "status", "possible"] {
        assert_eq!(same[field], more[field], "{field}");
    }
    stock_is(&shop, "MUG", [10, 1, 9]).await;
    stock_is(&shop, "RARE", [1, 0, 1]).await;
    assert_eq!(told_sum(&store, order).await, 4_300);

    step(&shop, order, "cancel-lines", json!({"lines": pieces(&[("VAT", 1)])})).await;
    let parcel = step(&shop, order, "ship", json!({})).await["parcel"].as_str().unwrap().to_owned();
    stock_is(&shop, "VAT", [7, 0, 7]).await;
    stock_is(&shop, "MUG", [9, 0, 9]).await;
    step(&shop, order, &format!("parcels/{parcel}/deliver"), json!({})).await;
    let all = pieces(&[("VAT", 3), ("MUG", 1)]);
    let back = step(&shop, order, "returns", json!({"lines": all})).await["return_id"].as_str().unwrap().to_owned();
    let received = step(&shop, order, &format!("returns/{back}/receive"), json!({"restocked": all})).await;
    assert_eq!(received["status"], "returned");
    stock_is(&shop, "VAT", [10, 0, 10]).await;
    stock_is(&shop, "MUG", [10, 0, 10]).await;
    store.settled().await;
    assert_eq!(told_sum(&store, order).await, 0, "everything went back");

    // Withdrawn while catalog is asked: whichever was first, catalog holds what the order has.
    let hesitant = shop.place(&[("VAT", 1)]).await.order;
    shop.reaches(hesitant, "confirmed").await;
    for mugs in 1..=4 {
        let keyed = shop.owner.clone().with("if-match", "*").with("idempotency-key", &format!("so-many-mugs-{mugs}"));
        let more = json!({"lines": pieces(&[("MUG", mugs)])});
        let (status, reply) = keyed.patch(&format!("/admin/v1/orders/{hesitant}/lines"), &more).await;
        assert_eq!(status, 202, "{reply}");
        assert!(step(&shop, hesitant, "addition/withdraw", json!({})).await.get("addition").is_none());
    }
    store.settled().await;
    invariants::assert_sound(&store, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_that_are_sent_cancelled_and_returned_at_once_leave_books_that_agree() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "storm-of-steps").await;
    shop.sell(&store, &[("PEN", 100, 500), ("INK", 700, 500)]).await;
    let lives = (0..24_i64).map(|number| {
        let shop = &shop;
        async move {
            let order = shop.place(&[("PEN", 4), ("INK", 2)]).await.order;
            shop.reaches(order, "confirmed").await;
            let act = async |name: &str, body: Value| {
                shop.owner.post(&format!("/admin/v1/orders/{order}/{name}"), &body).await.1
            };
            // Several people at once; some are too late, and each is told so.
            let (pens, inks) =
                (json!({"lines": pieces(&[("PEN", 1 + number % 3)])}), json!({"lines": pieces(&[("INK", 1)])}));
            let all = join_all([
                act("ship", pens.clone()),
                act("cancel-lines", inks.clone()),
                act("ship", inks),
                act(if number % 4 == 0 { "cancel-lines" } else { "pack" }, json!({})),
                act("ship", pens),
            ])
            .await;
            for parcel in all.iter().filter_map(|reply| reply["parcel"].as_str()) {
                act(&format!("parcels/{parcel}/deliver"), json!({})).await;
            }
            let back = act("returns", json!({"lines": pieces(&[("PEN", 1)])})).await;
            if let Some(back) = back["return_id"].as_str() {
                let kind = if number % 2 == 0 { "restocked" } else { "written_off" };
                let decision = json!({kind: pieces(&[("PEN", 1)])});
                let step = format!("returns/{back}/receive");
                join_all((0..2).map(|_| act(&step, decision.clone()))).await;
            }
        }
    });
    join_all(lives).await;
    invariants::assert_sound_beside_others(&store).await;
}
