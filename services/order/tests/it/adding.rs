//! Pieces that staff adds to an order before anything is packed: asked of catalog first, and the races around that.

use contracts::catalog::Reason;
use contracts::order as said;
use futures::future::join_all;
use kernel::{Quantity, Sku};
use serde_json::{Value, json};
use testkit::{Caller, eventually};

use crate::life::{Desk, amount, confirmed, pieces, told, world};
use crate::world::{PATIENCE, Placed, World, usd};

impl Desk {
    /// An edit of the lines under a key of its own.
    async fn edit(&self, lines: Value) -> (u16, Value) {
        self.edit_as(&uuid::Uuid::new_v4().to_string(), lines).await
    }

    async fn edit_as(&self, key: &str, lines: Value) -> (u16, Value) {
        let client = self.staff.clone().with("idempotency-key", key).with("if-match", "*");
        let body = json!({"lines": lines, "reason": "They rang."});
        client.patch(&format!("/admin/v1/orders/{}/lines", self.order), &body).await
    }

    /// An edit that cannot be made; why not.
    async fn edit_is_refused(&self, lines: Value) -> String {
        let (status, problem) = self.edit(lines).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-step-impossible")), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// An edit with something wrong in it: the type of the problem, and the field.
    async fn edit_is_wrong(&self, lines: Value) -> (String, String) {
        let (status, problem) = self.edit(lines).await;
        assert_eq!(status, 422, "{problem}");
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{problem}")).to_owned();
        (text(&problem["type"]), text(&problem["errors"][0]["field"]))
    }
}

fn net(lines: &[said::MovedLine]) -> i64 {
    lines.iter().map(|line| line.amounts.net.minor()).sum()
}

impl World {
    async fn has_version(&self, placed: &Placed, version: i64) -> Value {
        eventually(PATIENCE, async || {
            let seen = self.read(placed.order).await;
            if seen["version"] == version { Ok(seen) } else { Err(seen["version"].clone()) }
        })
        .await
    }

    /// How many answers of catalog were taken.
    async fn has_heard(&self, answers: usize) {
        eventually(PATIENCE, async || {
            let seen = self.value("select count(*) from inbox").await;
            if seen == answers.to_string() { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// The states of the additions, in their order.
    async fn additions(&self) -> String {
        self.value("select string_agg(number || ' ' || state || ' ' || reasons, '; ' order by order_id, number) from order_additions")
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_of_a_line_and_a_new_line_are_the_orders_once_catalog_holds_them() {
    let world = world().await;
    world.sell(&[("LAMP", 2_500)]).await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let wanted = json!([{"sku": "TEA", "quantity": 0}, {"sku": "MUG", "quantity": 5}, {"sku": "LAMP", "quantity": 1}]);
    let (status, asked) = desk.edit_as("no-tea-and-a-lamp", wanted.clone()).await;
    assert_eq!((status, &asked["version"], &asked["addition"]), (202, &json!(4), &json!(1)), "{asked}");
    assert_eq!(desk.edit_as("no-tea-and-a-lamp", wanted).await, (202, asked), "a repeat is answered as it was");

    // The tea is off; the rest is not there yet.
    let order = world.read(placed.order).await;
    assert_eq!((&order["due"], &order["total"]), (&amount("29.70"), &amount("34.20")));
    let lines = json!([{"sku": "MUG", "quantity": 2, "unit_price": amount("9.90")},
                       {"sku": "LAMP", "quantity": 1, "unit_price": amount("25.00")}]);
    assert_eq!((&order["addition"]["number"], &order["addition"]["lines"]), (&json!(1), &lines), "{order}");
    let reason = desk.edit_is_refused(json!([{"sku": "MUG", "quantity": 6}])).await;
    assert!(reason.contains("addition 1 waits for catalog's answer"), "{reason}");
    let possible = desk.refused("pack", json!({})).await;
    assert_eq!(possible, json!(["hold", "cancel", "request-cancellation", "record-payment"]));
    desk.refused("ship", json!({})).await;
    assert_eq!(desk.step("cancel-lines", json!({"lines": pieces(&[("MUG", 1)])})).await.0, 409);
    for step in ["hold", "release"] {
        assert_eq!(desk.done(step, json!({})).await["addition"], 1);
    }

    // The answer comes twice, and one to an addition that nobody asked for.
    for number in [1, 1, 2] {
        world.extended(placed.order, number, 3).await;
    }
    let order = world.has_version(&placed, 7).await;
    world.has_heard(4).await;
    let order_again = world.read(placed.order).await;
    assert_eq!(order, order_again, "it counts once");
    assert_eq!((&order["due"], &order["total"]), (&amount("74.50"), &amount("79.00")));
    assert!(
        order.get("addition").is_none() && order["possible"].as_array().unwrap().contains(&json!("edit")),
        "{order}"
    );
    let counted: Vec<(&str, i64, i64)> = order["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let of = |name: &str| line["pieces"][name].as_i64().unwrap();
            (line["sku"].as_str().unwrap(), of("ordered"), of("reserved"))
        })
        .collect();
    assert_eq!(counted, [("MUG", 5, 5), ("TEA", 1, 0), ("LAMP", 1, 1)]);
    let lamp = &order["lines"][2];
    assert_eq!((&lamp["title"], &lamp["price_source"]), (&json!("Product LAMP"), &json!("catalog")));
    let (_, found) = desk.staff.get("/admin/v1/orders?where=sku:eq:LAMP&fields=id,total").await;
    assert_eq!(found["items"][0]["total"], amount("79.00"), "{found}");

    let events = told(&world, placed.order, 7).await;
    let said::OrderEvent::AdditionRequested(asked) = &events[3].1 else { panic!("{:?}", events[3]) };
    let lines: Vec<_> =
        asked.lines.iter().map(|line| (line.sku.as_str(), line.quantity.get(), line.price_given)).collect();
    assert_eq!((asked.number, lines), (1, vec![("MUG", 2, true), ("LAMP", 1, false)]));
    assert_eq!(asked.standing.total, usd(3_420), "nothing is added yet");
    let said::OrderEvent::Edited(added) = &events[6].1 else { panic!("{:?}", events[6]) };
    assert_eq!((added.addition, net(&added.lines), added.standing.total), (Some(1), 1_980 + 2_500, usd(7_900)));
    assert_eq!((added.lines[1].cost.unwrap().minor(), added.reason.as_deref()), (1_250, Some("They rang.")));
    let said::OrderEvent::Edited(less) = &events[2].1 else { panic!("{:?}", events[2]) };
    assert_eq!((less.addition, net(&less.lines)), (None, -450));
    let (_, page) = desk.staff.get(&format!("/admin/v1/orders/{}/timeline", placed.order)).await;
    let entry = |at: usize| (page["items"][at]["event"].clone(), page["items"][at]["cause"].clone());
    assert_eq!(entry(0), (json!("edited"), json!("addition-given")), "{page}");
    assert_eq!(entry(3), (json!("addition-requested"), json!("add-pieces")), "{page}");
    assert_eq!(page["items"][3]["lines"], pieces(&[("MUG", 2), ("LAMP", 1)]));

    // What is cancelled afterwards takes back what it came to, to the last cent.
    desk.made("cancel-lines", json!({"lines": pieces(&[("MUG", 4), ("LAMP", 1)])})).await;
    desk.done("cancel", json!({})).await;
    let events = told(&world, placed.order, 9).await;
    let said::OrderEvent::LinesCancelled(part) = &events[7].1 else { panic!("{:?}", events[7]) };
    let said::OrderEvent::Cancelled(rest) = &events[8].1 else { panic!("{:?}", events[8]) };
    assert_eq!((net(&part.lines), net(&rest.lines)), (-3_960 - 2_500, -990));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_that_catalog_refuses_leaves_the_order_as_it_was() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let before = world.read(placed.order).await;
    assert_eq!(desk.edit(json!([{"sku": "MUG", "quantity": 9}])).await.0, 202);
    let missing =
        Reason::OutOfStock { sku: Sku::parse("MUG").unwrap(), requested: Quantity::new(6).unwrap(), available: 2 };
    world.extension_refused(placed.order, 1, vec![missing]).await;
    let after = world.has_version(&placed, 4).await;
    for field in ["lines", "total", "due", "status", "possible"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let (_, page) = desk.staff.get(&format!("/admin/v1/orders/{}/timeline", placed.order)).await;
    let entry = &page["items"][0];
    assert_eq!((&entry["event"], &entry["reasons"][0]["available"]), (&json!("addition-refused"), &json!(2)), "{page}");
    let (status, next) = desk.edit(json!([{"sku": "MUG", "quantity": 4}])).await;
    assert_eq!((status, &next["addition"]), (202, &json!(2)), "{next}");
    // A late answer to the first one is none to the second.
    world.extended(placed.order, 1, 4).await;
    world.extended(placed.order, 2, 5).await;
    let after = world.has_version(&placed, 6).await;
    assert_eq!(after["lines"][0]["pieces"]["ordered"], 4, "{after}");
    assert!(world.additions().await.ends_with("2 given []"), "{}", world.additions().await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_ends_while_catalog_is_asked_for_more_leaves_nothing_open() {
    let world = world().await;
    for (end, cause) in [("cancel", "staff"), ("lost", "reservation-expired")] {
        let placed = confirmed(&world).await;
        let desk = Desk::of(&world, placed.order);
        assert_eq!(desk.edit(json!([{"sku": "MUG", "quantity": 9}])).await.0, 202);
        if end == "lost" {
            world.expired(placed.order).await;
        } else {
            desk.done("cancel", json!({})).await;
        }
        let ended = world.reaches(placed.order, "cancelled").await;
        assert_eq!(
            (&ended["cancel_cause"], &ended["version"], &ended["total"]),
            (&json!(cause), &json!(4), &amount("34.20"))
        );
        world.extended(placed.order, 1, 3).await;
    }
    world.has_heard(5).await;
    let refused = "1 refused [{\"reason\": \"order-cancelled\"}]";
    assert_eq!(world.additions().await, format!("{refused}; {refused}"));
    assert_eq!(
        world.value("select string_agg(version::text, ' ') from orders").await,
        "4 4",
        "the answer was too late"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_the_answer_at_once_end_in_an_order_without_a_trace_of_the_addition_or_with_all_of_it() {
    let world = world().await;
    for _ in 0..6 {
        let placed = confirmed(&world).await;
        let desk = Desk::of(&world, placed.order);
        assert_eq!(desk.edit(json!([{"sku": "MUG", "quantity": 4}])).await.0, 202);
        let (cancelled, ()) = tokio::join!(desk.step("cancel", json!({})), world.extended(placed.order, 1, 3));
        assert_eq!(cancelled.0, 200, "{cancelled:?}");
        let order = world.reaches(placed.order, "cancelled").await;
        let mugs = &order["lines"][0]["pieces"];
        assert_eq!(mugs["ordered"], mugs["cancelled"], "{order}");
        let total = if mugs["ordered"] == 4 { "44.10" } else { "34.20" };
        assert_eq!((&order["total"], &order["due"]), (&amount(total), &amount("0.00")));
    }
    assert_eq!(world.value("select count(*) from order_additions where state = 'open'").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_add_at_once_one_is_first_and_the_others_are_told() {
    let world = world().await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let edits = join_all((4..10).map(|pieces| desk.edit(json!([{"sku": "MUG", "quantity": pieces}])))).await;
    let mut statuses: Vec<u16> = edits.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409]);
    assert_eq!(world.value("select count(*) from order_additions").await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_added_is_refused_and_says_why() {
    let world = world().await;
    let pending = world.place("MUG").await;
    let refused = Desk::of(&world, pending.order).edit_is_refused(json!([{"sku": "MUG", "quantity": 2}])).await;
    assert!(refused.contains("pending"), "{refused}");
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let unsellable = ("/problems/unsellable-lines".to_owned(), "lines[1].sku".to_owned());
    let unknown = json!([{"sku": "MUG", "quantity": 4}, {"sku": "NOTHING", "quantity": 1}]);
    assert_eq!(desk.edit_is_wrong(unknown).await, unsellable);
    let foreign = json!({"sku": "TEA-TIN", "quantity": 1, "unit_price": {"amount": "5", "currency": "VND"}});
    world.sell(&[("TEA-TIN", 300)]).await;
    assert_eq!(desk.edit_is_wrong(json!([{"sku": "TEA", "quantity": 2}, foreign])).await, unsellable);
    let invalid = |field: &str| ("/problems/invalid-request".to_owned(), field.to_owned());
    let other_price = json!([{"sku": "MUG", "quantity": 4, "unit_price": amount("1.00")}]);
    assert_eq!(desk.edit_is_wrong(other_price).await, invalid("lines[0].unit_price"));
    assert_eq!(desk.edit_is_wrong(json!([{"sku": "TEA-TIN", "quantity": 0}])).await, invalid("lines"));
    let goods: Vec<(String, i64)> = (0..99).map(|number| (format!("S{number}"), 100)).collect();
    let goods: Vec<(&str, i64)> = goods.iter().map(|(sku, price)| (sku.as_str(), *price)).collect();
    world.sell(&goods).await;
    let too_many: Value = goods.iter().map(|(sku, _)| json!({"sku": sku, "quantity": 1})).collect();
    assert_eq!(desk.edit_is_wrong(too_many).await, invalid("lines"));
    assert_eq!(world.read(placed.order).await["version"], 2, "nothing of all this had an effect");

    // An exchange of everything would leave nothing if catalog refused.
    let exchange =
        json!([{"sku": "MUG", "quantity": 0}, {"sku": "TEA", "quantity": 0}, {"sku": "TEA-TIN", "quantity": 1}]);
    let reason = desk.edit_is_refused(exchange).await;
    assert!(reason.contains("add first and take off then"), "{reason}");
    // A line has a million pieces at most, those that were cancelled among them.
    let most = Desk::of(&world, confirmed(&world).await.order);
    assert_eq!(most.edit(json!([{"sku": "MUG", "quantity": 2}])).await.0, 201);
    let reason = most.edit_is_refused(json!([{"sku": "MUG", "quantity": 1_000_000}])).await;
    assert!(reason.contains("it can be done with 999997 pieces of MUG"), "{reason}");
    // Pieces were cancelled with their share of a discount.
    let entered = json!({"lines": [{"sku": "MUG", "quantity": 3, "discount": amount("1.00")}]});
    let (_, entered) = desk.staff.post("/admin/v1/orders", &entered).await;
    let reduced = Desk::of(&world, entered["id"].as_str().unwrap().parse().unwrap());
    world.reserved(reduced.order).await;
    world.reaches(reduced.order, "confirmed").await;
    assert_eq!(reduced.edit(json!([{"sku": "MUG", "quantity": 2}])).await.0, 201);
    let reason = reduced.edit_is_refused(json!([{"sku": "MUG", "quantity": 3}])).await;
    assert!(reason.contains("share of its discount"), "{reason}");
    // What the channel sold is changed there.
    let sold = json!({
        "channel": "bazaar", "external_reference": "A-1", "placed_at": "2026-01-05T08:00:00Z", "raw_status": "PAID",
        "raw_status_at": "2026-01-05T08:00:00Z",
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": amount("9.90")}],
    });
    let (_, sold) = desk.staff.post("/admin/v1/orders/import", &sold).await;
    let elsewhere = Desk::of(&world, sold["order"].as_str().unwrap().parse().unwrap());
    let reason = elsewhere.edit_is_refused(json!([{"sku": "MUG", "quantity": 2}])).await;
    assert!(reason.contains("sold elsewhere"), "{reason}");
    desk.made("pack", json!({"lines": pieces(&[("MUG", 1)])})).await;
    desk.edit_is_refused(json!([{"sku": "MUG", "quantity": 4}])).await;
    let viewer = world.client(Caller::Viewer).with("if-match", "*").with("idempotency-key", "somebody-who-only-reads");
    let more = json!({"lines": [{"sku": "MUG", "quantity": 4}]});
    assert_eq!(viewer.patch(&format!("/admin/v1/orders/{}/lines", placed.order), &more).await.0, 403);
    assert_eq!(world.value("select count(*) from order_additions").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_staff_states_for_a_new_line_stands() {
    let world = world().await;
    world.sell(&[("LAMP", 2_500)]).await;
    let placed = confirmed(&world).await;
    let desk = Desk::of(&world, placed.order);
    let lamp = json!([{"sku": "LAMP", "quantity": 2, "unit_price": amount("20.00")}]);
    assert_eq!(desk.edit(lamp).await.0, 202);
    let events = told(&world, placed.order, 3).await;
    let said::OrderEvent::AdditionRequested(asked) = &events[2].1 else { panic!("{:?}", events[2]) };
    assert!(asked.lines[0].price_given && asked.lines[0].unit_price == usd(2_000));
    world.extended(placed.order, 1, 3).await;
    let order = world.has_version(&placed, 4).await;
    assert_eq!((&order["lines"][2]["price_source"], &order["total"]), (&json!("staff"), &amount("74.20")), "{order}");
    // The order of one piece that is left of a line can be added to again, and removed lines come back.
    assert_eq!(desk.edit(json!([{"sku": "LAMP", "quantity": 0}])).await.0, 201);
    assert_eq!(desk.edit(json!([{"sku": "LAMP", "quantity": 1}])).await.0, 202);
    world.extended(placed.order, 2, 4).await;
    let order = world.has_version(&placed, 7).await;
    let lamps = &order["lines"][2]["pieces"];
    assert_eq!((&lamps["ordered"], &lamps["cancelled"], &lamps["reserved"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!((&order["total"], &order["due"]), (&amount("94.20"), &amount("54.20")));
    world.stop().await;
}
