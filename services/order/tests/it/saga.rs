//! The saga with catalog, whose part the test plays: answers in time, twice, shuffled, late, redriven and never.

use contracts::{Channel, Envelope};
use contracts::{
    catalog::{Reason, ReservationEvent, Reserved},
    order as said, topics,
};
use kernel::{Clock, OrderId, Quantity, Sku};
use messaging::operations::{Selection, redrive};
use serde_json::json;
use testkit::{Caller, Topics, eventually, publish, table_hashes};

use crate::world::{PATIENCE, World, settings, usd, with_deadline, woken, woken_only};

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_order_is_confirmed_and_whoever_waits_is_told() {
    let world = World::start(woken_only(settings()), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let (waiting, placed) = world.place_and_wait("MUG").await;
    let published = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORDER.name).await;
        records.first().map(|record| {
            let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
            let payload = record.payload.as_deref().unwrap();
            (envelope.clone(), said::OrderEvent::decode(&envelope.event_type, payload).unwrap())
        })
    })
    .await;
    let (envelope, said::OrderEvent::Placed(event)) = published else { panic!("not placed: {published:?}") };
    assert_eq!((envelope.aggregate_version, envelope.organisation), (1, Some(world.scene.organisation())));
    assert_eq!((event.total, event.lines[0].unit_price), (usd(990), usd(990)));
    assert_eq!((event.deadline_at - event.placed_at).num_seconds(), 30);

    world.reserved(event.order).await;
    let reply = woken(waiting).await;
    assert_eq!((reply.status, &reply.json()["status"]), (201, &json!("confirmed")), "{}", reply.text());
    assert_eq!(placed.order, event.order);
    let holder = world.shopper().with("order-token", &placed.token);
    assert_eq!(holder.get(&format!("{}/{}", world.orders(), placed.order)).await.0, 200);
    expect_said(&world, event.order, &[("placed", 1), ("confirmed", 2)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_confirmed_while_the_products_topic_is_blocked() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    // Nobody writes a product while this transaction is open; orders are priced from another table.
    let mut superuser = world.scene.superuser().await;
    let blocking = superuser.transaction().await.unwrap();
    blocking.batch_execute("lock table sellable_products in exclusive mode").await.unwrap();
    world.publish_product("TEA", 450).await;
    let waiting = "select count(*) from pg_locks where relation = 'sellable_products'::regclass and not granted";
    eventually(PATIENCE, async || world.value(waiting).await == "1").await;

    world.reserved(placed.order).await;
    world.reaches(placed.order, "confirmed").await;
    assert_eq!(world.value(waiting).await, "1", "the products were not blocked meanwhile, so this proves nothing");
    blocking.rollback().await.unwrap();
    eventually(PATIENCE, async || world.value("select count(*) from sellable where sku = 'TEA'").await == "1").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_order_keeps_every_reason() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990), ("TEA", 450)]).await;
    let placed = world.place("MUG").await;
    let (mug, tea) = (Sku::parse("MUG").unwrap(), Sku::parse("TEA").unwrap());
    let requested = Quantity::new(3).unwrap();
    let reasons = vec![
        Reason::PriceChanged { sku: mug, offered: usd(990), current: usd(1_090) },
        Reason::OutOfStock { sku: tea, requested, available: 1 },
    ];
    world.rejected(placed.order, reasons).await;
    let order = world.reaches(placed.order, "rejected").await;
    assert_eq!(
        order["reasons"],
        json!([
            {"reason": "price-changed", "sku": "MUG", "offered": {"amount": "9.90", "currency": "USD"},
             "current": {"amount": "10.90", "currency": "USD"}},
            {"reason": "out-of-stock", "sku": "TEA", "requested": 3, "available": 1},
        ])
    );
    expect_said(&world, placed.order, &[("placed", 1), ("rejected", 2)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_expires_cancels_even_a_confirmed_order() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let (confirmed, open) = (world.place("MUG").await, world.place("MUG").await);
    world.reserved(confirmed.order).await;
    world.reaches(confirmed.order, "confirmed").await;
    for order in [confirmed.order, open.order] {
        world.expired(order).await;
        let order = world.reaches(order, "cancelled").await;
        assert_eq!(order["cancel_cause"], "reservation-expired");
    }
    expect_said(&world, confirmed.order, &[("placed", 1), ("confirmed", 2), ("cancelled", 3)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_its_copy_and_one_that_contradicts_it_change_nothing() {
    let world = World::start(with_deadline(1), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let late = world.place("MUG").await;
    overdue(&world, late.order).await;
    let before = hashes(&world).await;

    let expires_at = Clock::now();
    let reserved = ReservationEvent::Reserved(Reserved { order: late.order, lines: vec![], expires_at });
    let record = publish(Some(world.scene.organisation()), 1, &reserved);
    world.scene.send(&[record.clone(), record.clone(), record]).await;
    // The last of its key, so that whoever has taken it has taken the others.
    world.rejected(late.order, vec![Reason::OrderCancelled]).await;
    processed(&world, "2").await;
    assert_eq!(hashes(&world).await, before);
    expect_said(&world, late.order, &[("placed", 1), ("cancelled", 2)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_redriven_after_the_deadline_changes_nothing() {
    let world = World::start(with_deadline(1), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let late = world.place("MUG").await;
    world.execute("revoke update on orders from order_app").await;
    world.reserved(late.order).await;
    let kafka = world.scene.messaging_of("cyberctl");
    eventually(PATIENCE, async || world.value("select count(*) from parked_keys").await == "1").await;
    world.execute("grant update on orders to order_app").await;
    overdue(&world, late.order).await;
    let before = hashes(&world).await;

    let selection = Selection { group: order::NAME.to_owned(), topic: None };
    let redriven = redrive(&kafka, &selection, PATIENCE).await.unwrap();
    assert_eq!((redriven.records, redriven.taken, redriven.failed_again), (1, true, 0), "{redriven:?}");
    processed(&world, "1").await;
    assert_eq!(world.value("select count(*) from parked_keys").await, "0");
    assert_eq!(hashes(&world).await, before);
    expect_said(&world, late.order, &[("placed", 1), ("cancelled", 2)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_and_shuffled_answers_settle_every_order_once() {
    const ORDERS: usize = 40;
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let mut records = Vec::new();
    let mut rejected = Vec::new();
    for number in 0..ORDERS {
        let order = world.place("MUG").await.order;
        let answer = if number % 4 == 0 {
            rejected.push(order);
            ReservationEvent::Rejected(contracts::catalog::Rejected { order, reasons: vec![] })
        } else {
            ReservationEvent::Reserved(Reserved { order, lines: vec![], expires_at: Clock::now() })
        };
        let record = publish(Some(world.scene.organisation()), 1, &answer);
        // The same record again, and the same answer once more under another id.
        records.extend([record.clone(), record, publish(Some(world.scene.organisation()), 1, &answer)]);
    }
    // Keys are random, so this order has nothing to do with the one of placing.
    records.sort_by(|one, other| one.key.as_ref().map(|key| key.last()).cmp(&other.key.as_ref().map(|key| key.last())));
    world.scene.send(&records).await;
    eventually(PATIENCE, async || world.value("select count(*) from orders where status = 'pending'").await == "0")
        .await;
    processed(&world, &(ORDERS * 2).to_string()).await;
    assert_eq!(world.value("select count(*) from order_history where version = 2").await, ORDERS.to_string());
    assert_eq!(world.value("select max(version) from orders").await, "2");
    let wrong = "select count(*) from order_history where (to_status = 'rejected') <> (details ? 'reasons' or event = 'rejected')";
    let wrong = world.value(wrong).await;
    assert_eq!(wrong, "0");
    for order in rejected {
        assert_eq!(world.read(order).await["status"], "rejected");
    }
    let spoken = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORDER.name).await;
        (records.len() >= ORDERS * 2).then_some(records.len())
    })
    .await;
    assert_eq!(spoken, ORDERS * 2, "each order said twice: placed, and what became of it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_an_order_that_was_never_placed_is_set_aside_and_the_others_go_on() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let (stranger, mine) = (OrderId::new(), world.place("MUG").await);
    world.reserved(stranger).await;
    world.reserved(mine.order).await;
    world.reaches(mine.order, "confirmed").await;
    eventually(PATIENCE, async || {
        let dead = world.scene.read(&format!("{}.dlq.{}", topics::RESERVATION.name, order::NAME)).await;
        dead.iter().any(|record| record.key_text() == stranger.uuid().to_string())
    })
    .await;
    let (status, _) = world.client(Caller::Owner).get(&format!("/admin/v1/orders/{stranger}")).await;
    assert_eq!(status, 404);
    world.stop().await;
}

/// Cancels the order at its deadline.
async fn overdue(world: &World, order: OrderId) {
    eventually(PATIENCE, async || {
        world.sweep().await.unwrap();
        world.read(order).await["status"] == "cancelled"
    })
    .await;
    expect_said(world, order, &[("placed", 1), ("cancelled", 2)]).await;
}

/// Waits until the topic says this about the order, and nothing more.
async fn expect_said(world: &World, order: OrderId, expected: &[(&str, i64)]) {
    let expected: Vec<(String, i64)> =
        expected.iter().map(|(fact, version)| (format!("order.order.{fact}.v1"), *version)).collect();
    eventually(PATIENCE, async || {
        let said = world.said(order).await;
        if said == expected { Ok(()) } else { Err(said) }
    })
    .await;
}

/// Waits until so many answers had their effects, or were found to have had them.
async fn processed(world: &World, answers: &str) {
    eventually(PATIENCE, async || {
        let seen = world.value("select count(*) from inbox").await;
        if seen == answers { Ok(()) } else { Err(seen) }
    })
    .await;
}

async fn hashes(world: &World) -> std::collections::BTreeMap<String, testkit::TableHash> {
    let excluded = ["inbox.*", "outbox.*", "replays.*", "parked_keys.*"];
    table_hashes(&world.scene.superuser().await, order::NAME, &excluded).await
}
