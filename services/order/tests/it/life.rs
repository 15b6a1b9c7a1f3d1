//! The life of an order after its confirmation: every step through HTTP, what is told of it, and the races.

use contracts::{Channel, Envelope, order as said, topics};
use futures::future::join_all;
use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{Caller, Client, Topics, eventually};

use crate::world::{PATIENCE, Placed, World, settings};

/// An order with three mugs and one tea, confirmed by catalog.
pub(crate) async fn confirmed(world: &World) -> Placed {
    let wanted = json!({"lines": [{"sku": "MUG", "quantity": 3}, {"sku": "TEA", "quantity": 1}]});
    let reply = world.shopper().post_reply(&world.orders(), &wanted).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let placed = Placed::of(&reply);
    world.reserved(placed.order).await;
    world.reaches(placed.order, "confirmed").await;
    placed
}

pub(crate) async fn world() -> World {
    let world = World::start(settings(), Topics::On).await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    world
}

pub(crate) fn pieces(lines: &[(&str, i64)]) -> Value {
    lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect()
}

/// One order, and what its staff does with it.
pub(crate) struct Desk {
    pub(crate) staff: Client,
    pub(crate) order: OrderId,
}

impl Desk {
    pub(crate) fn of(world: &World, order: OrderId) -> Self {
        Self { staff: world.client(Caller::Owner), order }
    }

    pub(crate) async fn step(&self, step: &str, body: Value) -> (u16, Value) {
        self.staff.post(&format!("/admin/v1/orders/{}/{step}", self.order), &body).await
    }

    /// A step that creates something.
    pub(crate) async fn made(&self, step: &str, body: Value) -> Value {
        let (status, made) = self.step(step, body).await;
        assert_eq!(status, 201, "{step}: {made}");
        made
    }

    /// A step that may be repeated.
    pub(crate) async fn done(&self, step: &str, body: Value) -> Value {
        let (status, done) = self.step(step, body).await;
        assert_eq!(status, 200, "{step}: {done}");
        done
    }

    /// A step that cannot be done; what can.
    pub(crate) async fn refused(&self, step: &str, body: Value) -> Value {
        let (status, problem) = self.step(step, body).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-step-impossible")), "{step}: {problem}");
        problem["possible"].clone()
    }
}

/// What the topic says of an order from this version on.
pub(crate) async fn told(world: &World, order: OrderId, count: usize) -> Vec<(i64, said::OrderEvent)> {
    eventually(PATIENCE, async || {
        let mut events = Vec::new();
        for record in world.scene.read(topics::ORDER.name).await {
            let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
            if envelope.subject == order.uuid() {
                let event = said::OrderEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
                events.push((envelope.aggregate_version, event));
            }
        }
        if events.len() >= count { Ok(events) } else { Err(events.len()) }
    })
    .await
}

pub(crate) fn amount(text: &str) -> Value {
    json!({"amount": text, "currency": "USD"})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_packed_sent_in_two_parcels_delivered_and_completed() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let packed = desk.made("pack", json!({})).await;
    assert_eq!((&packed["status"], &packed["version"]), (&json!("packed"), &json!(3)));
    let first =
        desk.made("ship", json!({"lines": pieces(&[("MUG", 2)]), "carrier": "Post", "tracking_number": "RR1"})).await;
    assert_eq!((&first["status"], &first["fulfilment_status"]), (&json!("packed"), &json!("partly-fulfilled")));
    // The same parcel again, under another key: it has left before.
    let again =
        desk.made("ship", json!({"lines": pieces(&[("MUG", 2)]), "carrier": "Post", "tracking_number": "RR1"})).await;
    assert_eq!((&again["parcel"], &again["version"]), (&first["parcel"], &json!(4)));
    let other = json!({"lines": pieces(&[("MUG", 1)]), "carrier": "Post", "tracking_number": "RR1"});
    desk.refused("ship", other).await;
    let possible = desk.refused("ship", json!({"lines": pieces(&[("MUG", 2)])})).await;
    assert!(possible.as_array().unwrap().contains(&json!("ship")), "{possible}");
    // The rest has not left with the parcel that is known by this number.
    desk.refused("ship", json!({"carrier": "Post", "tracking_number": "RR1"})).await;
    let second = desk.made("ship", json!({})).await;
    assert_eq!((&second["status"], &second["fulfilment_status"]), (&json!("shipped"), &json!("fulfilled")));
    // Nothing is left for a parcel with another number, and the number is not lost without a word.
    desk.refused("ship", json!({"carrier": "Post", "tracking_number": "RR2"})).await;

    let deliver = |parcel: &Value| format!("parcels/{}/deliver", parcel.as_str().unwrap());
    for _ in 0..2 {
        let half = desk.done(&deliver(&first["parcel"]), json!({})).await;
        assert_eq!((&half["status"], &half["version"]), (&json!("shipped"), &json!(6)));
    }
    assert_eq!(desk.done(&deliver(&second["parcel"]), json!({})).await["status"], "delivered");
    for _ in 0..2 {
        let completed = desk.done("complete", json!({})).await;
        assert_eq!((&completed["status"], &completed["version"]), (&json!("completed"), &json!(8)));
    }
    // All of it once more under other keys, now that the order has gone on.
    for step in ["pack", "ship"] {
        let again = desk.made(step, json!({})).await;
        assert_eq!((&again["status"], &again["version"]), (&json!("completed"), &json!(8)), "{step}");
    }
    let known = desk.made("ship", json!({"carrier": "Post", "tracking_number": "RR1"})).await;
    assert_eq!((&known["parcel"], &known["version"]), (&first["parcel"], &json!(8)));
    assert_eq!(desk.done(&deliver(&first["parcel"]), json!({})).await["version"], 8);
    let possible = desk.refused("hold", json!({})).await;
    assert_eq!(possible, json!(["request-return", "record-payment"]), "what cannot be done says what can");
    let order = world.read(placed.order).await;
    assert_eq!(order["parcels"][0]["lines"], pieces(&[("MUG", 2)]));
    assert_eq!(order["parcels"][1]["lines"], pieces(&[("MUG", 1), ("TEA", 1)]));
    assert_eq!(order["parcels"][0]["tracking_number"], "RR1");
    let counted = json!({"ordered": 3, "reserved": 0, "packed": 3, "shipped": 3, "delivered": 3, "cancelled": 0,
                         "return_requested": 0, "returned": 0, "written_off": 0});
    assert_eq!(order["lines"][0]["pieces"], counted);
    assert_eq!(order["possible"], json!(["request-return", "record-payment"]));
    // Its holder sees the parcels, and neither what it cost the seller nor who may do what.
    let holder = world.shopper().with("order-token", &placed.token);
    let (_, seen) = holder.get(&format!("{}/{}", world.orders(), placed.order)).await;
    assert_eq!(seen["parcels"], order["parcels"]);
    assert!(seen.get("possible").is_none() && !seen.to_string().contains("cost"), "{seen}");

    let events = told(&world, placed.order, 8).await;
    let said::OrderEvent::Shipped(shipped) = &events[3].1 else { panic!("{:?}", events[3]) };
    assert_eq!((shipped.lines[0].quantity.get(), shipped.lines[0].amounts.net.minor()), (2, 1_980));
    assert_eq!(shipped.lines[0].cost.unwrap().minor(), 990, "half of its price, as the product says");
    assert_eq!(shipped.tracking_number.as_deref(), Some("RR1"));
    assert_eq!(shipped.standing.lines[0].pieces.shipped, 2);
    assert_eq!(shipped.standing.lines[1].pieces.reserved, 1);
    let versions: Vec<i64> = events.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>(), "each step is told once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_are_cancelled_one_by_one_and_the_last_ends_the_order() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let reason = json!({"lines": pieces(&[("MUG", 2)]), "reason": "Broken in the warehouse."});
    let part = desk.made("cancel-lines", reason.clone()).await;
    assert_eq!((&part["status"], &part["version"]), (&json!("confirmed"), &json!(3)));
    let (status, problem) = desk.step("cancel-lines", json!({"lines": pieces(&[("MUG", 2)])})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-not-cancellable")), "{problem}");
    let (status, problem) = desk.step("cancel-lines", json!({"lines": pieces(&[("NOTHING", 1)])})).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/invalid-request")), "{problem}");
    assert_eq!(world.read(placed.order).await["due"], amount("14.40"));
    let rest = desk.made("cancel-lines", json!({})).await;
    assert_eq!((&rest["status"], &rest["version"]), (&json!("cancelled"), &json!(4)));
    assert_eq!(desk.made("cancel-lines", json!({})).await["version"], 4, "it is cancelled already");
    let order = world.read(placed.order).await;
    assert_eq!((&order["cancel_cause"], &order["due"]), (&json!("staff"), &amount("0.00")));

    let events = told(&world, placed.order, 4).await;
    let said::OrderEvent::LinesCancelled(part) = &events[2].1 else { panic!("{:?}", events[2]) };
    let said::OrderEvent::Cancelled(rest) = &events[3].1 else { panic!("{:?}", events[3]) };
    assert_eq!(part.reason.as_deref(), Some("Broken in the warehouse."));
    let back = |lines: &[said::MovedLine]| lines.iter().map(|line| line.amounts.net.minor()).sum::<i64>();
    assert_eq!((back(&part.lines), back(&rest.lines)), (-1_980, -1_440));
    assert_eq!(back(&part.lines) + back(&rest.lines) + part.standing.total.minor(), 0, "the amounts add up");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_come_back_and_whoever_takes_them_in_decides_what_can_be_sold_again() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    desk.refused("returns", json!({"lines": pieces(&[("MUG", 1)])})).await;
    let parcel = desk.made("ship", json!({})).await["parcel"].as_str().unwrap().to_owned();
    desk.done(&format!("parcels/{parcel}/deliver"), json!({})).await;
    let asked = desk.made("returns", json!({"lines": pieces(&[("MUG", 3)]), "reason": "Too small"})).await;
    assert_eq!(asked["status"], "return-requested");
    let back = asked["return_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(desk.done(&format!("returns/{back}/approve"), json!({})).await["version"], 6);
    }
    let received = json!({"restocked": pieces(&[("MUG", 1)]), "written_off": pieces(&[("MUG", 1)])});
    for _ in 0..2 {
        let done = desk.done(&format!("returns/{back}/receive"), received.clone()).await;
        assert_eq!((&done["status"], &done["version"]), (&json!("delivered"), &json!(7)), "{done}");
        assert_eq!(done["fulfilment_status"], "partly-returned");
    }
    desk.refused(&format!("returns/{back}/decline"), json!({})).await;
    // What did not come back may be asked for anew, and the tea with it.
    let rest = desk.made("returns", json!({"lines": pieces(&[("MUG", 1), ("TEA", 1)])})).await;
    let rest = rest["return_id"].as_str().unwrap();
    let too_much = json!({"restocked": pieces(&[("MUG", 2)])});
    desk.refused(&format!("returns/{rest}/receive"), too_much).await;
    let done =
        desk.done(&format!("returns/{rest}/receive"), json!({"restocked": pieces(&[("MUG", 1), ("TEA", 1)])})).await;
    assert_eq!((&done["status"], &done["fulfilment_status"]), (&json!("returned"), &json!("returned")));
    let missing = desk.step(&format!("returns/{}/approve", kernel::ReturnId::new()), json!({})).await;
    assert_eq!(missing.0, 404, "{}", missing.1);
    let order = world.read(placed.order).await;
    assert_eq!(order["returns"][0]["status"], "received");
    assert_eq!(order["returns"][0]["written_off"], pieces(&[("MUG", 1)]));
    // What staff says of it is for staff.
    assert_eq!(order["returns"][0]["reason"], "Too small");
    let holder = world.shopper().with("order-token", &placed.token);
    let (status, own) = holder.get(&format!("{}/{}", world.orders(), placed.order)).await;
    assert_eq!((status, &own["returns"][0]["status"]), (200, &json!("received")), "{own}");
    assert!(own["returns"][0]["reason"].is_null(), "{own}");

    let events = told(&world, placed.order, 9).await;
    let returned: Vec<&said::Returned> = events
        .iter()
        .filter_map(|(_, event)| match event {
            said::OrderEvent::Returned(returned) => Some(returned),
            _ => None,
        })
        .collect();
    assert_eq!((returned[0].lines[0].quantity.get(), returned[0].restocked[0].quantity.get()), (2, 1));
    let back: i64 = returned.iter().flat_map(|it| &it.lines).map(|line| line.amounts.net.minor()).sum();
    assert_eq!(back + returned[0].standing.total.minor(), 0, "the amounts of all that came back");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_and_refunds_are_written_down_and_no_refund_takes_more_than_is_left() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let pay = |kind: &str, sum: &str| json!({"kind": kind, "method": "bank transfer", "reference": "FT-1", "amount": amount(sum)});
    let promise = desk.made("payments", pay("authorised", "34.20")).await;
    assert_eq!(promise["payment_status"], "authorised");
    let half = desk.made("payments", pay("received", "20.00")).await;
    assert_eq!((&half["payment_status"], &half["status"]), (&json!("partly-paid"), &json!("confirmed")));
    assert_eq!(desk.made("payments", pay("received", "14.20")).await["payment_status"], "paid");
    let foreign = json!({"kind": "received", "method": "cash", "amount": {"amount": "5", "currency": "VND"}});
    let (status, problem) = desk.step("payments", foreign).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("amount.currency")), "{problem}");

    let refund = |payment: &Value, sum: &str| json!({"payment": payment, "method": "cash", "amount": amount(sum), "reason": "Late"});
    desk.refused("refunds", refund(&promise["payment"], "0.01")).await;
    desk.refused("refunds", refund(&half["payment"], "20.01")).await;
    let key = desk.staff.clone().with("idempotency-key", "one-refund-only");
    let path = format!("/admin/v1/orders/{}/refunds", placed.order);
    for _ in 0..2 {
        let (status, refunded) = key.post(&path, &refund(&half["payment"], "15.00")).await;
        assert_eq!((status, &refunded["payment_status"]), (201, &json!("partly-refunded")), "{refunded}");
    }
    desk.refused("refunds", refund(&half["payment"], "5.01")).await;
    desk.made("refunds", refund(&half["payment"], "5.00")).await;
    let order = world.read(placed.order).await;
    let sums: Vec<&str> =
        order["refunds"].as_array().unwrap().iter().map(|it| it["amount"]["amount"].as_str().unwrap()).collect();
    assert_eq!(sums, ["15.00", "5.00"]);
    assert_eq!(order["payments"][1]["provider"], "manual");
    let events = told(&world, placed.order, 7).await;
    let said::OrderEvent::Refunded(refunded) = &events[5].1 else { panic!("{:?}", events[5]) };
    assert_eq!((refunded.amount.minor(), refunded.standing.refunded.minor()), (-1_500, 1_500));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_held_back_and_a_wish_to_cancel_it_is_decided() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    for _ in 0..2 {
        let held = desk.done("hold", json!({"reason": "Address?"})).await;
        assert_eq!((&held["status"], &held["version"]), (&json!("on-hold"), &json!(3)));
    }
    let possible = desk.refused("ship", json!({})).await;
    assert_eq!(possible, json!(["release", "cancel", "edit", "request-cancellation", "record-payment"]));
    assert_eq!(desk.done("cancel-request", json!({})).await["status"], "cancel-requested");
    assert_eq!(desk.done("cancel-decline", json!({})).await["status"], "on-hold", "it is held all the same");
    for _ in 0..2 {
        assert_eq!(desk.done("release", json!({})).await["status"], "confirmed");
    }
    desk.made("notes", json!({"text": "Call before delivery."})).await;

    let (status, page) = desk.staff.get(&format!("/admin/v1/orders/{}/timeline?limit=3", placed.order)).await;
    assert_eq!(status, 200, "{page}");
    let entries = page["items"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        entries.iter().map(|it| (it["event"].as_str().unwrap(), it["cause"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [("note-added", "add-note"), ("released", "release"), ("cancellation-declined", "decline-cancellation")]
    );
    assert_eq!(entries[0]["note"], "Call before delivery.");
    assert!(entries[0]["actor"].as_str().unwrap().starts_with("user_"), "{page}");
    let next = format!(
        "/admin/v1/orders/{}/timeline?limit=100&cursor={}",
        placed.order,
        page["next_cursor"].as_str().unwrap()
    );
    let (_, page) = desk.staff.get(&next).await;
    let entries = page["items"].as_array().unwrap();
    assert_eq!(entries.iter().map(|it| it["version"].as_i64().unwrap()).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(entries[1]["reason"], "Address?");
    assert!(entries[2]["source_event"].as_str().unwrap().starts_with("evt_"), "catalog's answer: {page}");
    let (status, _) = desk.staff.get(&format!("/admin/v1/orders/{}/timeline", OrderId::new())).await;
    assert_eq!(status, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_parcels_with_the_last_pieces_one_leaves() {
    let world = world().await;
    for _ in 0..5 {
        let order = confirmed(&world).await.order;
        let sends = (0..4)
            .map(|_| async { Desk::of(&world, order).step("ship", json!({"lines": pieces(&[("MUG", 2)])})).await.0 });
        let mut statuses = join_all(sends).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
        assert_eq!(world.read(order).await["lines"][0]["pieces"]["shipped"], 2);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_cancellation_and_a_parcel_at_once_one_is_first_and_the_other_is_told() {
    let world = world().await;
    for _ in 0..8 {
        let order = confirmed(&world).await.order;
        let (cancelling, sending) = (Desk::of(&world, order), Desk::of(&world, order));
        let (cancelled, sent) = tokio::join!(cancelling.step("cancel", json!({})), sending.step("ship", json!({})));
        let order = world.read(order).await;
        match (cancelled.0, sent.0) {
            (200, 409) => assert_eq!(order["status"], "cancelled"),
            (409, 201) => assert_eq!(order["status"], "shipped"),
            other => panic!("{other:?}: {cancelled:?}, {sent:?}"),
        }
        assert_eq!(order["version"], 3);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_catalogs_answer_at_once_end_in_a_cancelled_order() {
    let world = world().await;
    for _ in 0..8 {
        let placed = world.place("MUG").await;
        let desk = Desk::of(&world, placed.order);
        let (cancelled, ()) = tokio::join!(desk.step("cancel", json!({})), world.reserved(placed.order));
        assert_eq!(cancelled.0, 200, "{cancelled:?}");
        let order = world.reaches(placed.order, "cancelled").await;
        assert_eq!(order["lines"][0]["pieces"]["cancelled"], 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_are_taken_in_twice_at_once_come_back_once() {
    let world = world().await;
    let order = confirmed(&world).await.order;
    let desk = Desk::of(&world, order);
    let parcel = desk.made("ship", json!({})).await["parcel"].as_str().unwrap().to_owned();
    desk.done(&format!("parcels/{parcel}/deliver"), json!({})).await;
    let back = desk.made("returns", json!({"lines": pieces(&[("MUG", 2)])})).await;
    let step = format!("returns/{}/receive", back["return_id"].as_str().unwrap());
    let body = json!({"restocked": pieces(&[("MUG", 2)])});
    let takings = join_all((0..4).map(|_| desk.step(&step, body.clone()))).await;
    assert!(takings.iter().all(|(status, _)| *status == 200), "{takings:?}");
    let order = world.read(order).await;
    assert_eq!((&order["lines"][0]["pieces"]["returned"], &order["version"]), (&json!(2), &json!(6)));
    let events = told(&world, desk.order, 6).await;
    assert_eq!(events.len(), 6, "it is told once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_record_money_records_none_and_sees_the_order() {
    let world = world().await;
    let order = confirmed(&world).await.order;
    let cash = json!({"kind": "received", "method": "cash", "amount": amount("1.00")});
    let viewer = world.client(Caller::Viewer);
    let at = format!("/admin/v1/orders/{order}");
    for (step, body) in [("payments", &cash), ("hold", &json!({})), ("notes", &json!({"text": "x"}))] {
        assert_eq!(viewer.post(&format!("{at}/{step}"), body).await.0, 403, "{step}");
    }
    assert_eq!(viewer.get(&format!("{at}/timeline")).await.0, 200);
    assert_eq!(viewer.get(&at).await.0, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_may_depend_on_the_version_that_was_read() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let (staff, at) = (world.client(Caller::Owner), format!("/admin/v1/orders/{}", placed.order));
    let read = staff.send("GET".parse().unwrap(), &at, None).await;
    assert_eq!(read.header("etag"), Some("\"2\""));
    let seen = staff.clone().with("if-match", "\"2\"");
    assert_eq!(seen.post(&format!("{at}/hold"), &json!({})).await.0, 200);
    for (step, body) in [
        ("release", json!({})),
        ("pack", json!({"lines": pieces(&[("MUG", 1)])})),
        ("notes", json!({"text": "Late"})),
        ("cancel", json!({})),
    ] {
        let (status, problem) = seen.post(&format!("{at}/{step}"), &body).await;
        assert_eq!((status, &problem["current_version"]), (412, &json!(3)), "{step}: {problem}");
    }
    let (status, problem) = staff.clone().with("if-match", "2").post(&format!("{at}/release"), &json!({})).await;
    assert_eq!(status, 400, "{problem}");
    // What was done once is answered as it was then, whatever the order has become.
    let keyed = staff.clone().with("idempotency-key", "a-note-of-version-3").with("if-match", "\"3\"");
    let note = json!({"text": "In time"});
    let first = keyed.post_reply(&format!("{at}/notes"), &note).await;
    let again = keyed.post_reply(&format!("{at}/notes"), &note).await;
    assert_eq!((first.status, again.status, &first.bytes), (201, 201, &again.bytes), "{}", again.text());
    // Of those who have all seen one version, one is first.
    let last = staff.clone().with("if-match", "\"4\"");
    let notes = join_all((0..6).map(|number| {
        let (last, at) = (&last, &at);
        async move { last.post(&format!("{at}/notes"), &json!({"text": format!("No. {number}")})).await.0 }
    }));
    let mut statuses = notes.await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412, 412]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_are_taken_off_once_and_told_with_what_they_came_to() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let (staff, at) = (world.client(Caller::Owner), format!("/admin/v1/orders/{}", placed.order));
    let edit = |key: &str, version: &str| {
        let (client, path) =
            (staff.clone().with("idempotency-key", key).with("if-match", version), format!("{at}/lines"));
        async move |body: Value| client.patch(&path, &body).await
    };
    let less = json!({"lines": [{"sku": "MUG", "quantity": 2}, {"sku": "TEA", "quantity": 0}], "reason": "Out of tea"});
    let (status, problem) = edit("without-a-version", "\"9\"")(less.clone()).await;
    assert_eq!(status, 412, "{problem}");
    let (status, edited) = edit("two-mugs-and-no-tea", "\"2\"")(less.clone()).await;
    assert_eq!((status, &edited["version"], &edited["status"]), (201, &json!(3), &json!("confirmed")), "{edited}");
    let again = edit("two-mugs-and-no-tea", "\"2\"")(less).await;
    assert_eq!(again, (201, edited), "a repeat is answered as it was");
    let order = world.read(placed.order).await;
    assert_eq!((&order["due"], &order["total"]), (&amount("19.80"), &amount("34.20")));

    let (status, problem) = edit("a-lamp", "*")(json!({"lines": [{"sku": "LAMP", "quantity": 1}]})).await;
    assert_eq!(status, 422, "{problem}");
    let (status, same) = edit("as-it-is", "*")(json!({"lines": [{"sku": "MUG", "quantity": 2}]})).await;
    assert_eq!((status, &same["version"]), (201, &json!(3)), "nothing changes: {same}");
    Desk::of(&world, placed.order).made("pack", json!({"lines": pieces(&[("MUG", 1)])})).await;
    let (status, problem) = edit("too-late", "*")(json!({"lines": [{"sku": "MUG", "quantity": 1}]})).await;
    assert_eq!(status, 409, "{problem}");

    let events = told(&world, placed.order, 4).await;
    let said::OrderEvent::Edited(event) = &events[2].1 else { panic!("{:?}", events[2]) };
    let back: i64 = event.lines.iter().map(|line| line.amounts.net.minor()).sum();
    assert_eq!((back, event.reason.as_deref()), (-990 - 450, Some("Out of tea")));
    world.stop().await;
}
