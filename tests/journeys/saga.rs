//! Orders and stock, over Kafka only: many at once, answers that never come, prices that changed.

use std::time::{Duration, Instant};

use contracts::catalog::{ReservationEvent, Reserved};
use contracts::{Channel, Envelope, topics};
use e2e::{PATIENCE, Placed, Shop, alone, invariants, order_of, together, usd};
use futures::future::join_all;
use kernel::{Clock, OrganisationId};
use serde_json::json;
use testkit::eventually;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_orders_at_once_exactly_those_are_confirmed_for_which_there_is_stock() {
    let store = alone(&WISHES).await;
    let (one, other) = (Shop::open(&store, "rush-one").await, Shop::open(&store, "rush-other").await);
    // The same SKUs in both: nothing of one organisation may touch the other.
    let goods = [("LAST", 9_900, 50), ("TEA", 450, 10_000), ("MUG", 990, 10_000), ("CAKE", 300, 10_000)];
    for shop in [&one, &other] {
        shop.sell(&store, &goods).await;
    }
    let client = store.superuser().await;
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    let before: i64 = client.query_one(deadlocks, &[]).await.unwrap().get(0);
    let repeats = tried_again(&store).await;

    let begun = Instant::now();
    let orders = (0..200_usize).map(|at| {
        let shop = if at % 2 == 0 { &one } else { &other };
        // Lines in every order, as a deadlock would need them.
        let mut lines = vec![("LAST", 1), ("TEA", 2), ("MUG", 1), ("CAKE", 3)];
        lines.rotate_left(at / 2 % 4);
        if at % 3 == 0 {
            lines.reverse();
        }
        async move { (shop, shop.place(&lines).await) }
    });
    let placed = join_all(orders).await;
    let accepted = begun.elapsed();
    store.settled().await;
    println!("200 orders accepted in {accepted:.0?}, all of them settled and told in {:.0?}", begun.elapsed());

    for shop in [&one, &other] {
        let stock = shop.stock("LAST").await;
        assert_eq!(
            (&stock["available"], &stock["held"], &stock["reserved"]),
            (&json!(0), &json!(50), &json!(0)),
            "{stock}"
        );
        let tea = shop.stock("TEA").await;
        assert_eq!(tea["held"], 100, "a rejected order keeps nothing: {tea}");
    }
    let mut ends = [0, 0];
    for (shop, placed) in &placed {
        let order = shop.read(placed.order).await;
        match order["status"].as_str().unwrap() {
            "confirmed" => ends[0] += 1,
            "rejected" => {
                ends[1] += 1;
                let reasons = json!([{"reason": "out-of-stock", "sku": "LAST", "requested": 1, "available": 0}]);
                assert_eq!(order["reasons"], reasons, "{order}");
            }
            other => panic!("{} is {other}", placed.order),
        }
    }
    assert_eq!(ends, [100, 100], "confirmed and rejected");
    let after: i64 = client.query_one(deadlocks, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "PostgreSQL had to break deadlocks");
    // Its statistics may come late; but who was in a deadlock has tried again.
    assert_eq!(tried_again(&store).await, repeats, "something was tried again");
    assert!(store.counted("order", "outbox_sent_total").await >= 200, "the replicas' counters are not read");
    invariants::assert_sound(&store, &[]).await;
}

/// How often order and catalog tried something again: a command, a batch.
async fn tried_again(store: &e2e::Store) -> [u64; 4] {
    let (commands, batches) = ("mediator_repeats_total", "consumer_retries_total");
    [
        store.counted("order", commands).await,
        store.counted("order", batches).await,
        store.counted("catalog", commands).await,
        store.counted("catalog", batches).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_answer_is_cancelled_at_its_deadline_and_answers_that_come_late_change_nothing() {
    const DEADLINE: &str = "ORDER_DEADLINE_SECONDS";
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "deadline").await;
    shop.sell(&store, &[("LATE", 700, 5)]).await;
    store.settled().await;
    for number in [1, 2] {
        renewed(&mut store, number, DEADLINE, "2").await;
        assert!(store.replica("catalog", number).stop().await, "catalog-{number} had to be killed");
    }

    let placed = shop.place(&[("LATE", 2)]).await;
    let asked = Instant::now();
    let order = shop.reaches(placed.order, "cancelled").await;
    assert_eq!(order["cancel_cause"], "deadline", "{order}");
    let time = |field: &str| order[field].as_str().unwrap().parse::<kernel::Timestamp>().unwrap();
    assert!(time("settled_at") >= time("deadline_at"), "before its deadline: {order}");
    assert_eq!((time("deadline_at") - time("placed_at")).num_milliseconds(), 2_000);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?} after placing", asked.elapsed());

    // Catalog comes back and answers what it finds; then an answer comes again that is even more wrong.
    for number in [1, 2] {
        store.start("catalog", number).await;
    }
    store.settled().await;
    let expires_at = Clock::now() + Duration::from_secs(600);
    let late = ReservationEvent::Reserved(Reserved { order: placed.order, lines: vec![], expires_at });
    answer(&store, &shop, &late).await;
    store.settled().await;
    let after = shop.read(placed.order).await;
    assert_eq!(after, order, "a late answer changed the order");
    let stock = shop.stock("LATE").await;
    assert_eq!((&stock["available"], &stock["reserved"], &stock["held"]), (&json!(5), &json!(0), &json!(0)), "{stock}");
    invariants::assert_sound(&store, &[]).await;

    for number in [1, 2] {
        renewed(&mut store, number, DEADLINE, "30").await;
    }
    let placed = shop.place(&[("LATE", 5)]).await;
    shop.reaches(placed.order, "confirmed").await;
}

/// The replica of order, stopped in good order and started with another configuration.
async fn renewed(store: &mut e2e::Store, number: u32, variable: &str, value: &str) {
    let replica = store.replica("order", number);
    assert!(replica.stop().await, "order-{number} had to be killed");
    replica.set_variable(variable, value);
    store.start("order", number).await;
}

/// Says this about an order of the shop, as catalog would say it next, once catalog has answered.
pub(crate) async fn answer(store: &e2e::Store, shop: &Shop, event: &ReservationEvent) {
    let statement = "select org_id::text from auth.organisations where slug = $1";
    let id: String = store.superuser().await.query_one(statement, &[&shop.slug]).await.unwrap().get(0);
    // An order that was cancelled at once is answered a little later.
    let last = eventually(PATIENCE, async || {
        let records = testkit::read_topic(&store.kafka(), topics::RESERVATION.name).await;
        let envelopes = records.iter().map(|record| Envelope::from_headers(record.header_pairs()).unwrap());
        envelopes.filter(|envelope| envelope.subject == event.key()).map(|it| it.aggregate_version).max()
    })
    .await;
    let organisation = OrganisationId::from_uuid(id.parse().unwrap());
    let record = testkit::publish(Some(organisation), last + 1, event);
    let producer = messaging::Producer::new(&store.kafka()).unwrap();
    for outcome in producer.send_all(&[record]).await {
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_changed_after_the_order_s_copy_was_made_is_rejected_with_both_prices() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "price").await;
    shop.sell(&store, &[("DEAR", 1_000, 5), ("SAME", 200, 5)]).await;
    let product = shop.product("dear").await;
    let path = format!("/admin/v1/products/{}", product["id"].as_str().unwrap());

    // Holds the order service's copy where it is: the change is told, but cannot be written down yet.
    let client = store.superuser().await;
    let hold = format!(
        "begin; select 1 from \"order\".sellable_products p join auth.organisations o using (org_id)
         where o.slug = '{}' for update of p",
        shop.slug
    );
    client.batch_execute(&hold).await.unwrap();
    let changing = shop.owner.clone().with("if-match", "\"1\"");
    let wanted = json!({"variants": [{"sku": "DEAR", "price": usd(1_250)}]});
    let (status, changed) = changing.patch(&path, &wanted).await;
    assert_eq!(status, 200, "{changed}");
    let placed = shop.place(&[("SAME", 1), ("DEAR", 2)]).await;
    assert_eq!(placed.body["total"], usd(2_200), "the copy is newer than it should be: {}", placed.body);
    client.batch_execute("rollback").await.unwrap();

    let order = shop.reaches(placed.order, "rejected").await;
    let both = json!([{"reason": "price-changed", "sku": "DEAR", "offered": usd(1_000), "current": usd(1_250)}]);
    assert_eq!(order["reasons"], both, "{order}");
    assert_eq!(shop.stock("SAME").await["available"], 5);

    // Who was shown the old price is told before anything is ordered.
    eventually(PATIENCE, async || {
        let shown = json!({"lines": [{"sku": "DEAR", "quantity": 1, "unit_price": usd(1_000)}]});
        let (status, problem) = shop.shopper.post(&shop.orders(), &shown).await;
        let change = json!([{"line": 0, "sku": "DEAR", "shown": usd(1_000), "current": usd(1_250)}]);
        let told =
            (status, &problem["type"]) == (409, &json!("/problems/price-changed")) && problem["changes"] == change;
        if told { Ok(()) } else { Err(problem) }
    })
    .await;
    let placed = Placed::of(&shop.shopper.post_reply(&shop.orders(), &order_of(&[("DEAR", 1)])).await);
    assert_eq!(shop.reaches(placed.order, "confirmed").await["total"], usd(1_250));
}
