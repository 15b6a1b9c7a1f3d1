//! Orders that were sold elsewhere: once per name, wherever they stand, and never undone by want of stock.

use contracts::catalog::{Reason, ReservationEvent, Reserved, ReservedLine};
use kernel::{Clock, OrderId, Quantity, Sku};
use serde_json::{Value, json};
use testkit::{Caller, Topics};

use crate::world::{World, settings};

fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// An order of two mugs at their channel's price.
fn sold(reference: &str, status: &str, raw: &str, minute: u8) -> Value {
    json!({
        "channel": "bazaar", "external_reference": reference, "placed_at": "2026-01-05T08:00:00Z", "status": status,
        "raw_status": raw, "raw_status_at": format!("2026-01-05T09:{minute:02}:00Z"),
        "lines": [{"sku": "MUG", "quantity": 2, "unit_price": eur("7.50"), "discount": eur("1.00")}],
        "shipping": eur("3.00"), "total": eur("17.00"), "carrier": "Post", "tracking_number": format!("RR{reference}"),
    })
}

async fn import(world: &World, body: &Value) -> (OrderId, Value) {
    let (status, imported) = world.client(Caller::OrderManager).post("/admin/v1/orders/import", body).await;
    assert_eq!(status, 201, "{imported}");
    (imported["order"].as_str().unwrap().parse().unwrap(), imported)
}

/// What happened to an order, oldest first.
async fn history(world: &World, order: OrderId) -> Vec<String> {
    let (_, page) = world.client(Caller::Owner).get(&format!("/admin/v1/orders/{order}/timeline?limit=100")).await;
    let mut events: Vec<String> =
        page["items"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap().to_owned()).collect();
    events.reverse();
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_order_that_is_imported_later_says_nothing_newer_of_its_customer() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let of = |reference: &str, at: &str, name: Option<&str>, phone: Option<&str>| {
        let mut body = sold(reference, "confirmed", "PAID", 0);
        body["placed_at"] = json!(at);
        body["contact"] = json!({"email": "ana@example.org"});
        for (field, said) in [("name", name), ("phone", phone)] {
            if let Some(said) = said {
                body["contact"][field] = json!(said);
            }
        }
        body
    };
    import(&world, &of("B-2", "2026-01-05T08:00:00Z", Some("Ana New"), None)).await;
    import(&world, &of("B-1", "2025-12-01T08:00:00Z", Some("Ana Old"), Some("+351 912 000 111"))).await;
    let (_, page) = world
        .client(Caller::Owner)
        .get("/admin/v1/customers?q=ana&fields=name,phone,orders,first_order_at,last_order_at")
        .await;
    let expected = json!([{
        "name": "Ana New", "phone": "+351 912 000 111", "orders": 2,
        "first_order_at": "2025-12-01T08:00:00Z", "last_order_at": "2026-01-05T08:00:00Z",
    }]);
    assert_eq!(page["items"], expected, "{page}");
    assert_eq!(
        world.client(Caller::Owner).get("/admin/v1/customers?q=351912000").await.1["items"][0]["name"],
        "Ana New"
    );
    import(&world, &of("B-3", "2026-01-06T08:00:00Z", Some("Ana Newest"), None)).await;
    let (_, page) = world.client(Caller::Owner).get("/admin/v1/customers?q=newest").await;
    assert_eq!(page["items"][0]["orders"], 3, "{page}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_taken_as_it_was_sold_and_a_repeat_of_it_is_that_order() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let body = sold("A-1", "confirmed", "READY_TO_SHIP", 0);
    let (order, first) = import(&world, &body).await;
    let seen = world.read(order).await;
    assert_eq!(
        (&seen["total"], &seen["status"], &seen["source"]),
        (&eur("17.00"), &json!("confirmed"), &json!("import"))
    );
    assert_eq!((&seen["channel"], &seen["placed_at"]), (&json!("bazaar"), &json!("2026-01-05T08:00:00Z")));
    assert_eq!(seen["lines"][0]["price_source"], "channel");
    let said = json!({
        "external_reference": "A-1", "raw_status": "READY_TO_SHIP", "raw_status_at": "2026-01-05T09:00:00Z",
        "stock": "update",
    });
    assert_eq!(seen["sold_elsewhere"], said);
    assert_eq!(history(&world, order).await, ["placed", "confirmed"]);
    // It sorts by when it was placed there, behind what is placed now.
    let now = world.place("MUG").await.order.to_string();
    let (_, page) = world.client(Caller::Owner).get("/admin/v1/orders").await;
    let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect();
    assert_eq!(ids, [json!(now), json!(order)]);

    let (again, repeat) = import(&world, &body).await;
    assert_eq!((again, &repeat), (order, &first));
    let older = json!({"raw_status": "UNPAID", "raw_status_at": "2026-01-05T08:30:00Z"});
    let mut stale = body.clone();
    stale.as_object_mut().unwrap().extend(older.as_object().unwrap().clone());
    assert_eq!(import(&world, &stale).await.1, first);
    let events =
        "select count(*) from outbox where aggregateid = (select id::text from orders where source = 'import')";
    assert_eq!(world.value(events).await, "2");
    // The same name on another channel is another order.
    let mut other = body.clone();
    other["channel"] = json!("market");
    assert_ne!(import(&world, &other).await.0, order);
    let found = world.client(Caller::Owner).get("/admin/v1/orders?where=external_reference:eq:A-1").await.1;
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_imports_of_one_order_at_once_are_one_order() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let posts: Vec<_> = (0..10)
        .map(|_| {
            let staff = world.client(Caller::OrderManager);
            tokio::spawn(
                async move { staff.post("/admin/v1/orders/import", &sold("A-1", "shipped", "SHIPPED", 0)).await },
            )
        })
        .collect();
    let mut orders = std::collections::BTreeSet::new();
    for post in posts {
        let (status, imported) = post.await.unwrap();
        assert_eq!(status, 201, "{imported}");
        orders.insert(imported["order"].as_str().unwrap().to_owned());
    }
    assert_eq!(orders.len(), 1);
    assert_eq!(world.value("select concat_ws(' ', count(*), max(version)) from orders").await, "1 3");
    assert_eq!(world.value("select count(*) from order_parcels").await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_arrives_wherever_it_stands_with_the_history_that_leads_there() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let sent = ["placed", "confirmed", "shipped"];
    let there = [&sent[..], &["delivered"]].concat();
    let asked = [&there[..], &["return-requested"]].concat();
    for (number, (status, then)) in [
        ("on-hold", vec!["placed", "confirmed", "held"]),
        ("packed", vec!["placed", "confirmed", "packed"]),
        ("cancel-requested", vec!["placed", "confirmed", "cancellation-requested"]),
        ("cancelled", vec!["placed", "confirmed", "cancelled"]),
        ("shipped", sent.to_vec()),
        ("delivered", there.clone()),
        ("completed", [&there[..], &["completed"]].concat()),
        ("return-requested", asked.clone()),
        ("returned", [&asked[..], &["returned"]].concat()),
    ]
    .into_iter()
    .enumerate()
    {
        let (order, imported) = import(&world, &sold(&format!("B-{number}"), status, status, 0)).await;
        assert_eq!(imported["status"], status);
        assert_eq!(history(&world, order).await, then, "{status}");
        let seen = world.read(order).await;
        assert_eq!(seen["status"], status);
        let parcels = seen["parcels"].as_array().map_or(0, Vec::len);
        assert_eq!(parcels, usize::from(then.contains(&"shipped")), "{status}");
        if status == "returned" {
            let back = &seen["returns"][0];
            assert_eq!((&back["status"], &back["written_off"][0]["quantity"]), (&json!("received"), &json!(2)));
        }
    }
    let mut paid = sold("B-paid", "completed", "COMPLETED", 0);
    paid["paid"] = eur("17.00");
    let (order, imported) = import(&world, &paid).await;
    assert_eq!(imported["payment_status"], "paid");
    assert_eq!(world.read(order).await["payments"][0]["provider"], "channel");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_channel_says_later_takes_the_order_on_and_what_it_said_before_does_not() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (order, _) = import(&world, &sold("C-1", "confirmed", "READY", 0)).await;
    for (status, raw, minute, version, stands) in [
        ("shipped", "SHIPPED", 20, 4, "shipped"),
        // An older word changes nothing, and neither does the same one.
        ("packed", "PROCESSED", 10, 4, "shipped"),
        ("shipped", "SHIPPED", 25, 4, "shipped"),
        ("packed", "PROCESSED", 24, 4, "shipped"),
        ("return-requested", "TO_RETURN", 30, 7, "return-requested"),
        ("returned", "RETURNED", 40, 9, "returned"),
        // What cannot be done any more is noted and not done.
        ("cancelled", "CANCELLED", 50, 10, "returned"),
    ] {
        let (same, imported) = import(&world, &sold("C-1", status, raw, minute)).await;
        assert_eq!(same, order);
        assert_eq!((&imported["version"], &imported["status"]), (&json!(version), &json!(stands)), "{raw} at {minute}");
    }
    let notes = history(&world, order).await;
    let expected = [
        "placed",
        "confirmed",
        "note-added",
        "shipped",
        "note-added",
        "delivered",
        "return-requested",
        "note-added",
        "returned",
        "note-added",
    ];
    assert_eq!(notes, expected);
    assert_eq!(world.read(order).await["returns"].as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_channel_held_back_or_wanted_cancelled_goes_on_by_its_later_word() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    // The buyer's hour to change their mind is over; a wish to cancel is taken back; a wish to cancel is granted; both in a row.
    for (number, words, told) in [
        (
            "F-1",
            vec![("on-hold", "ON_HOLD"), ("confirmed", "AWAITING_SHIPMENT")],
            vec!["held", "note-added", "released"],
        ),
        (
            "F-2",
            vec![("on-hold", "ON_HOLD"), ("packed", "AWAITING_COLLECTION")],
            vec!["held", "note-added", "released", "packed"],
        ),
        (
            "F-3",
            vec![("cancel-requested", "IN_CANCEL"), ("confirmed", "READY_TO_SHIP")],
            vec!["cancellation-requested", "note-added", "cancellation-declined"],
        ),
        (
            "F-4",
            vec![("cancel-requested", "IN_CANCEL"), ("cancelled", "CANCELLED")],
            vec!["cancellation-requested", "note-added", "cancelled"],
        ),
        (
            "F-5",
            vec![
                ("on-hold", "ON_HOLD"),
                ("cancel-requested", "IN_CANCEL"),
                ("on-hold", "PENDING"),
                ("confirmed", "READY"),
            ],
            vec![
                "held",
                "note-added",
                "cancellation-requested",
                "note-added",
                "cancellation-declined",
                "note-added",
                "released",
            ],
        ),
    ] {
        let (mut last, mut order) = (Value::Null, None);
        for (minute, (status, raw)) in (0..).zip(&words) {
            let (same, imported) = import(&world, &sold(number, status, raw, minute)).await;
            assert_eq!(*order.get_or_insert(same), same);
            last = imported;
        }
        assert_eq!(last["status"], words.last().unwrap().0, "{number}: {last}");
        let history = history(&world, order.unwrap()).await;
        assert_eq!(history, [&["placed", "confirmed"][..], &told].concat(), "{number}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_here_stays_so_whatever_its_channel_says() {
    let world = World::start(settings(), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let staff = world.client(Caller::Owner);
    let step = async |order: OrderId, step: &str| {
        let (status, done) = staff.post(&format!("/admin/v1/orders/{order}/{step}"), &json!({})).await;
        assert_eq!(status, 200, "{step}: {done}");
    };
    let (held, _) = import(&world, &sold("G-1", "confirmed", "READY", 0)).await;
    step(held, "hold").await;
    let (asked, _) = import(&world, &sold("G-2", "confirmed", "READY", 0)).await;
    step(asked, "cancel-request").await;
    let (both, _) = import(&world, &sold("G-3", "on-hold", "ON_HOLD", 0)).await;
    step(both, "hold").await;
    // Held back there, and then it turns out that it cannot be had.
    let (short, _) = import(&world, &sold("G-4", "on-hold", "ON_HOLD", 0)).await;
    let (sku, pieces) = (Sku::parse("MUG").unwrap(), Quantity::new(2).unwrap());
    world.rejected(short, vec![Reason::OutOfStock { sku, requested: pieces, available: 1 }]).await;
    testkit::eventually(crate::world::PATIENCE, async || {
        let told = history(&world, short).await;
        if told == ["placed", "confirmed", "held", "held"] { Ok(()) } else { Err(told) }
    })
    .await;
    for (reference, order, stands) in [
        ("G-1", held, "on-hold"),
        ("G-2", asked, "cancel-requested"),
        ("G-3", both, "on-hold"),
        ("G-4", short, "on-hold"),
    ] {
        let (same, imported) = import(&world, &sold(reference, "packed", "PACKED", 10)).await;
        assert_eq!((same, &imported["status"]), (order, &json!(stands)), "{reference}");
    }
    step(short, "release").await;
    assert_eq!(world.read(short).await["status"], "confirmed", "whoever looked decides");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_words_of_one_moment_the_further_counts_and_a_word_that_nobody_knows_is_kept() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (order, _) = import(&world, &sold("H-1", "packed", "PROCESSED", 0)).await;
    for (status, raw, stands) in
        [("confirmed", "READY", "packed"), ("shipped", "SHIPPED", "shipped"), ("packed", "PROCESSED", "shipped")]
    {
        let (_, imported) = import(&world, &sold("H-1", status, raw, 0)).await;
        assert_eq!(imported["status"], stands, "{raw}");
    }
    assert_eq!(world.read(order).await["sold_elsewhere"]["raw_status"], "SHIPPED");

    let (held, _) = import(&world, &sold("H-2", "on-hold", "ON_HOLD", 0)).await;
    let mut unknown = sold("H-2", "confirmed", "SOMETHING_NEW", 10);
    unknown.as_object_mut().unwrap().remove("status");
    let (_, imported) = import(&world, &unknown).await;
    assert_eq!(imported["status"], "on-hold", "{imported}");
    assert_eq!(world.read(held).await["sold_elsewhere"]["raw_status"], "SOMETHING_NEW");
    assert_eq!(history(&world, held).await, ["placed", "confirmed", "held", "note-added"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_moves_lines_says_which_pieces_are_packed() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    let body = |minute: u8, status: &str, raw: &str, mugs: i64, teas: i64| {
        let mut body = sold("L-1", status, raw, minute);
        let line =
            |sku: &str, packed: i64| json!({"sku": sku, "quantity": 2, "unit_price": eur("5.00"), "packed": packed});
        body["lines"] = json!([line("MUG", mugs), line("TEA", teas)]);
        for given in ["total", "shipping"] {
            body.as_object_mut().unwrap().remove(given);
        }
        body
    };
    let packed = async |order: OrderId| {
        let order = world.read(order).await;
        [0, 1].map(|line| order["lines"][line]["pieces"]["packed"].as_i64().unwrap())
    };
    let (order, imported) = import(&world, &body(0, "confirmed", "pending", 2, 0)).await;
    assert_eq!((&imported["status"], packed(order).await), (&json!("confirmed"), [2, 0]));
    // The same word with more of it; what is said to be less has been packed all the same, and an older word is not heard.
    for (minute, mugs, teas, version, expected) in
        [(10, 2, 1, 4, [2, 1]), (20, 0, 1, 4, [2, 1]), (5, 2, 2, 4, [2, 1]), (20, 2, 2, 4, [2, 1])]
    {
        let (_, imported) = import(&world, &body(minute, "confirmed", "pending", mugs, teas)).await;
        assert_eq!((&imported["version"], packed(order).await), (&json!(version), expected), "{mugs} {teas}");
    }
    let (_, imported) = import(&world, &body(30, "packed", "ready_to_ship", 0, 0)).await;
    assert_eq!((&imported["status"], packed(order).await), (&json!("packed"), [2, 2]));
    let staff = world.client(Caller::OrderManager);
    let (status, problem) = staff.post("/admin/v1/orders/import", &body(40, "confirmed", "pending", 3, 0)).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("lines[0].packed")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_channel_receives_later_is_recorded_once() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (order, unpaid) = import(&world, &sold("D-1", "on-hold", "UNPAID", 0)).await;
    assert_eq!(unpaid["payment_status"], "unpaid");
    for (minute, raw, paid, stands) in
        [(10, "DEPOSIT", "7.00", "partly-paid"), (20, "PAID", "17.00", "paid"), (30, "READY_TO_SHIP", "17.00", "paid")]
    {
        let mut body = sold("D-1", "on-hold", raw, minute);
        body["paid"] = eur(paid);
        let (same, imported) = import(&world, &body).await;
        assert_eq!((same, &imported["payment_status"]), (order, &json!(stands)), "{imported}");
    }
    let payments = "select string_agg(amount_minor::text, ' ' order by amount_minor) from order_payments";
    assert_eq!(world.value(payments).await, "700 1000");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_comes_again_brings_what_is_new_and_money_of_another_currency_is_refused() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let foreign = |mut body: Value| {
        body["paid"] = json!({"amount": "2500000", "currency": "VND"});
        body
    };
    let wrong = json!({"orders": [
        foreign(sold("E-1", "confirmed", "READY", 0)), sold("E-2", "on-hold", "READY", 0),
    ]});
    let staff = world.client(Caller::OrderManager);
    let (status, report) = staff
        .clone()
        .with("idempotency-key", "foreign-money-of-new")
        .post("/admin/v1/orders/import/bulk", &wrong)
        .await;
    assert_eq!((status, &report["imported"], &report["failed"]), (201, &json!(1), &json!(1)), "{report}");
    assert!(report["rows"][0]["error"].as_str().unwrap().contains("EUR"), "{report}");
    let known = json!({"orders": [foreign(sold("E-2", "on-hold", "READY", 5)), sold("E-3", "confirmed", "READY", 0)]});
    let (status, report) =
        staff.with("idempotency-key", "foreign-money-of-known").post("/admin/v1/orders/import/bulk", &known).await;
    assert_eq!((status, &report["imported"], &report["failed"]), (201, &json!(1), &json!(1)), "{report}");
    assert_eq!(world.value("select count(*) from order_payments").await, "0");

    let mut again = sold("E-2", "shipped", "READY", 10);
    again["paid"] = eur("17.00");
    let (_, imported) = import(&world, &again).await;
    assert_eq!((&imported["payment_status"], &imported["status"]), (&json!("paid"), &json!("shipped")), "{imported}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_comes_again_as_it_was_undoes_nothing_that_staff_decided_since() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let staff = world.client(Caller::OrderManager);
    for (reference, status, undo) in [("U-1", "on-hold", "release"), ("U-2", "cancel-requested", "cancel-decline")] {
        let body = sold(reference, status, "WAITS", 0);
        let (order, _) = import(&world, &body).await;
        let (done, undone) = staff.post(&format!("/admin/v1/orders/{order}/{undo}"), &json!({})).await;
        assert_eq!((done, &undone["status"]), (200, &json!("confirmed")), "{undone}");
        let known = history(&world, order).await;
        let (same, again) = import(&world, &body).await;
        assert_eq!((same, &again["status"]), (order, &json!("confirmed")), "{again}");
        assert_eq!(history(&world, order).await, known);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_of_staff_does_not_stand_in_the_way_of_the_channel_that_names_it_too() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (order, _) = import(&world, &sold("P-1", "confirmed", "READY", 0)).await;
    let parcel = json!({"carrier": "Post", "tracking_number": "RR1", "lines": [{"sku": "MUG", "quantity": 1}]});
    let staff = world.client(Caller::OrderManager);
    let (status, sent) = staff.post(&format!("/admin/v1/orders/{order}/ship"), &parcel).await;
    assert_eq!(status, 201, "{sent}");
    let mut shipped = sold("P-1", "shipped", "SHIPPED", 10);
    (shipped["carrier"], shipped["tracking_number"]) = (json!("Post"), json!("RR1"));
    let (_, imported) = import(&world, &shipped).await;
    assert_eq!(imported["status"], "shipped", "{imported}");
    let numbers = "select string_agg(coalesce(tracking_number, 'none'), ' ' order by id) from order_parcels";
    assert_eq!(world.value(numbers).await, "RR1 none");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_are_taken_in_one_call_and_one_that_is_refused_keeps_no_other_out() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut unknown = sold("D-2", "confirmed", "READY", 0);
    unknown["lines"][0]["sku"] = json!("NOPE");
    let mut wrong = sold("D-3", "confirmed", "READY", 0);
    wrong["total"] = eur("17.01");
    let orders = json!({"orders": [
        sold("D-1", "shipped", "SHIPPED", 0), unknown.clone(), wrong, sold("D-1", "delivered", "DELIVERED", 1), unknown,
    ]});
    let staff = world.client(Caller::OrderManager).with("idempotency-key", "imported-once-and-for-all");
    let (status, report) = staff.post("/admin/v1/orders/import/bulk", &orders).await;
    assert_eq!((status, &report["imported"], &report["failed"]), (201, &json!(2), &json!(3)), "{report}");
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows[0]["order"]["order"], rows[3]["order"]["order"], "the same order twice");
    assert_eq!(rows[3]["order"]["status"], "delivered");
    let errors: Vec<&str> = rows.iter().filter_map(|row| row["error"].as_str()).collect();
    assert!(errors[0].contains("there is no SKU NOPE"), "{errors:?}");
    assert!(errors[1].contains("17.01 EUR") && errors[1].contains("17.00 EUR"), "{errors:?}");
    assert!(errors[2].contains("D-2"), "{errors:?}");
    assert_eq!(world.value("select count(*) from orders").await, "1");
    assert_eq!(staff.post("/admin/v1/orders/import/bulk", &orders).await.1, report);

    let (status, problem) = staff
        .clone()
        .with("idempotency-key", "refused-once-and-for-all")
        .post("/admin/v1/orders/import", &orders["orders"][1])
        .await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/unsellable-lines")), "{problem}");
    let mut early = sold("D-9", "confirmed", "READY", 0);
    early["placed_at"] = json!("2999-01-01T00:00:00Z");
    let (status, problem) =
        staff.with("idempotency-key", "early-once-and-for-all").post("/admin/v1/orders/import", &early).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("placed_at")), "{problem}");
    assert_eq!(world.client(Caller::Viewer).post("/admin/v1/orders/import", &orders["orders"][0]).await.0, 403);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_stock_holds_an_import_back_and_what_is_oversold_is_flagged() {
    let world = World::start(settings(), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let (short, _) = import(&world, &sold("E-1", "confirmed", "READY", 0)).await;
    let sku = Sku::parse("MUG").unwrap();
    let pieces = Quantity::new(2).unwrap();
    world.rejected(short, vec![Reason::OutOfStock { sku: sku.clone(), requested: pieces, available: 1 }]).await;
    world.reaches(short, "on-hold").await;
    let (_, page) = world.client(Caller::Owner).get(&format!("/admin/v1/orders/{short}/timeline")).await;
    let why = page["items"][0]["reason"].as_str().unwrap();
    assert!(why.contains("2 of MUG are wanted and 1 are left"), "{page}");
    // The seller found some, and sends it.
    let staff = world.client(Caller::Owner);
    assert_eq!(staff.post(&format!("/admin/v1/orders/{short}/release"), &json!({})).await.0, 200);
    assert_eq!(staff.post(&format!("/admin/v1/orders/{short}/ship"), &json!({})).await.0, 201);

    // Somebody wants it cancelled, and does not after all: what could not be had is not sent behind anybody's back.
    let (asked, _) = import(&world, &sold("E-3", "cancel-requested", "CANCEL_REQUESTED", 0)).await;
    world.rejected(asked, vec![Reason::OutOfStock { sku: sku.clone(), requested: pieces, available: 1 }]).await;
    testkit::eventually(crate::world::PATIENCE, async || {
        let told = history(&world, asked).await;
        if told.last().unwrap() == "held" { Ok(()) } else { Err(told) }
    })
    .await;
    assert_eq!(world.read(asked).await["status"], "cancel-requested");
    let (_, declined) = staff.post(&format!("/admin/v1/orders/{asked}/cancel-decline"), &json!({})).await;
    assert_eq!(declined["status"], "on-hold", "{declined}");

    let mut forced = sold("E-2", "confirmed", "READY", 0);
    forced["stock"] = json!("force");
    let (order, _) = import(&world, &forced).await;
    let oversold = Some(Quantity::new(1).unwrap());
    let lines = vec![ReservedLine { sku, quantity: pieces, serving: Vec::new(), oversold }];
    let expires_at = Clock::now() + std::time::Duration::from_secs(90);
    world.scene.publish(1, &ReservationEvent::Reserved(Reserved { order, lines, expires_at })).await;
    let seen = testkit::eventually(crate::world::PATIENCE, async || {
        let seen = world.read(order).await;
        if seen["oversold"] == true { Ok(seen) } else { Err(seen["oversold"].clone()) }
    })
    .await;
    assert_eq!((&seen["status"], &seen["version"]), (&json!("confirmed"), &json!(3)));
    assert_eq!(history(&world, order).await, ["placed", "confirmed", "oversold"]);
    let (_, page) = staff.get("/admin/v1/orders?where=oversold:eq:true").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    world.stop().await;
}
