//! The checker itself: for each of the invariants I1 to I12 a damage that it must notice, made by hand and taken back.

use std::collections::BTreeSet;

use contracts::topics;
use e2e::{Accepted, Readers, Shop, alone, invariants, usd};
use kernel::OrderId;
use messaging::{Outgoing, Producer, Record};
use serde_json::json;

use crate::WISHES;

/// The invariant, the damage, and what takes it back. `$shop` is the organisation. I10 and I11 are damaged in a way of their own.
const DAMAGES: [(&str, &str, &str); 26] = [
    (
        "I1",
        "update catalog.stock set held = held - 1 where org_id = $shop and sku = 'KEPT'",
        "update catalog.stock set held = held + 1 where org_id = $shop and sku = 'KEPT'",
    ),
    // More is promised than there is, and the ledger says the same: whoever took it did not look.
    (
        "I1",
        "with taken as (
            insert into catalog.movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id, actor,
                                           occurred_at)
            select org_id, sku, variant_id, 'extend', 0, 0, 100, (select order_id from catalog.reservations where org_id = $shop),
                   'damage', now()
            from catalog.stock where org_id = $shop and sku = 'KEPT')
         update catalog.stock set held = held + 100, may_be_short = true where org_id = $shop and sku = 'KEPT'",
        "with given as (delete from catalog.movements where actor = 'damage')
         update catalog.stock set held = held - 100, may_be_short = false where org_id = $shop and sku = 'KEPT'",
    ),
    (
        "I2",
        "insert into \"order\".order_intake (org_id, id, status, actor, token_digest, decided_at)
         values ($shop, gen_random_uuid(), 'placed', 'damage', sha256('x'), now())",
        "delete from \"order\".order_intake where actor = 'damage'",
    ),
    (
        "I2",
        "insert into \"order\".order_additions (org_id, order_id, number, state, lines, actor, requested_at)
         select org_id, id, 1, 'open', '[]', 'damage', now() from \"order\".orders where org_id = $shop",
        "delete from \"order\".order_additions where actor = 'damage'",
    ),
    (
        "I3",
        "insert into \"order\".replays select org_id, principal, operation, 'a-second-key', request_digest, status, location,
         body, created_at from \"order\".replays where org_id = $shop limit 1",
        "delete from \"order\".replays where idempotency_key = 'a-second-key'",
    ),
    (
        "I4",
        "update \"order\".order_history set version = 9 where org_id = $shop and version = 2",
        "update \"order\".order_history set version = 2 where org_id = $shop and version = 9",
    ),
    (
        "I5",
        "update catalog.reservations set state = 'released' where org_id = $shop and state = 'held'",
        "update catalog.reservations set state = 'held' where org_id = $shop and state = 'released'",
    ),
    (
        "I5",
        "update catalog.reservations set addition = 1 where org_id = $shop",
        "update catalog.reservations set addition = 0 where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".orders set version = version + 1 where org_id = $shop",
        "update \"order\".orders set version = version - 1 where org_id = $shop",
    ),
    (
        "I5",
        "update catalog.reservations set state = 'expired' where org_id = $shop and state = 'held'",
        "update catalog.reservations set state = 'held' where org_id = $shop and state = 'expired'",
    ),
    (
        "I6",
        "update catalog.reservations set confirm_refused = true where org_id = $shop",
        "update catalog.reservations set confirm_refused = false where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".orders set fulfilment_status = 'fulfilled' where org_id = $shop",
        "update \"order\".orders set fulfilment_status = 'unfulfilled' where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".sellable set price_minor = price_minor + 1 where org_id = $shop",
        "update \"order\".sellable set price_minor = price_minor - 1 where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".sellable set other_prices = '{\"elsewhere\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}' where org_id = $shop",
        "update \"order\".sellable set other_prices = null where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".sellable set channels = '{market}' where org_id = $shop",
        "update \"order\".sellable set channels = null where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".sellable set cost_minor = coalesce(cost_minor, 0) + 1 where org_id = $shop",
        "update \"order\".sellable set cost_minor = nullif(cost_minor - 1, 0) where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".members set version = version + 1 where org_id = $shop",
        "update \"order\".members set version = version - 1 where org_id = $shop",
    ),
    // Of the right version, and with a right that nobody gave.
    (
        "I6",
        "update \"order\".members set permissions = permissions || ' damage:do' where org_id = $shop",
        "update \"order\".members set permissions = replace(permissions, ' damage:do', '') where org_id = $shop",
    ),
    (
        "I7",
        "insert into \"order\".inbox (consumer, event_id) values ('damage', gen_random_uuid())",
        "delete from \"order\".inbox where consumer = 'damage'",
    ),
    (
        "I7",
        "insert into catalog.outbox_parked (aggregatetype, aggregateid, cause) values ('x', 'damage', 'x')",
        "delete from catalog.outbox_parked where aggregateid = 'damage'",
    ),
    (
        "I8",
        "insert into \"order\".parked_keys (consumer, topic, key, cause) values ('order', 'x', 'damage', 'x')",
        "delete from \"order\".parked_keys where key = 'damage'",
    ),
    (
        "I9",
        "update notifier.deliveries set state = 'failed', cause = 'damage' where org_id = $shop and kind = 'order-confirmed'",
        "update notifier.deliveries set state = 'sent', cause = null where org_id = $shop and cause = 'damage'",
    ),
    (
        "I12",
        "update \"order\".orders set total_minor = total_minor + 1 where org_id = $shop",
        "update \"order\".orders set total_minor = total_minor - 1 where org_id = $shop",
    ),
    // Both sides of each total are as they were; what was cancelled is not.
    (
        "I12",
        "update \"order\".order_lines set cancelled = cancelled + 1 where org_id = $shop",
        "update \"order\".order_lines set cancelled = cancelled - 1 where org_id = $shop",
    ),
    (
        "I12",
        "with more as (update \"order\".order_payments set amount_minor = amount_minor + 1 where org_id = $shop)
         update \"order\".orders set paid_minor = paid_minor + 1 where org_id = $shop",
        "with less as (update \"order\".order_payments set amount_minor = amount_minor - 1 where org_id = $shop)
         update \"order\".orders set paid_minor = paid_minor - 1 where org_id = $shop",
    ),
    (
        "I13",
        "update notifier.orders set status = 'damaged' where org_id = $shop",
        "update notifier.orders set status = 'confirmed' where org_id = $shop",
    ),
];

/// The wall around the list of orders, as a condition of its view.
const WALL: &str = "WHERE (o.org_id = (NULLIF(current_setting('app.org'::text, true), ''::text))::uuid)";

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_notices_what_breaks_it() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "checked").await;
    shop.sell(&store, &[("KEPT", 100, 5)]).await;
    let placed = shop.place(&[("KEPT", 3)]).await;
    shop.reaches(placed.order, "confirmed").await;
    let at = format!("/admin/v1/orders/{}", placed.order);
    let payment = json!({"kind": "received", "method": "cash", "amount": usd(150)});
    for (step, body) in [("payments", payment), ("cancel-lines", json!({"lines": [{"sku": "KEPT", "quantity": 1}]}))] {
        let (status, done) = shop.owner.post(&format!("{at}/{step}"), &body).await;
        assert_eq!(status, 201, "{done}");
    }
    invariants::assert_sound(&store, &[]).await;
    let client = store.superuser().await;
    let organisation = format!("(select org_id from auth.organisations where slug = '{}')", shop.slug);
    let run = async |sql: &str| client.execute(&sql.replace("$shop", &organisation), &[]).await.unwrap();
    for (invariant, damage, repair) in DAMAGES {
        assert!(run(damage).await > 0, "{invariant} was not damaged");
        let found = invariants::violations(&store, &[]).await;
        assert_eq!(run(repair).await, 1, "{invariant}");
        let named = format!("{invariant} ");
        assert!(found.iter().any(|violation| violation.starts_with(&named)), "{invariant} went unnoticed: {found:?}");
    }
    invariants::assert_sound(&store, &[]).await;

    // What was promised and is not there, and what was answered and is recorded otherwise.
    let key =
        format!("select idempotency_key from \"order\".replays where org_id = {organisation} and body is not null");
    let keys = client.query(&key, &[]).await.unwrap();
    let mine: BTreeSet<String> = keys.iter().map(|row| row.get(0)).collect();
    let promised = |order, key: &str| Accepted {
        order,
        key: key.to_owned(),
        path: shop.orders(),
        request: Vec::new(),
        reply: Vec::new(),
    };
    let found = invariants::violations(&store, &[promised(OrderId::new(), "lost")]).await;
    assert!(matches!(&found[..], [only] if only.starts_with("I2 ")), "{found:?}");
    let another_reply = promised(placed.order, mine.first().unwrap());
    let found = invariants::violations(&store, &[another_reply]).await;
    assert!(matches!(&found[..], [only] if only.starts_with("I3 ")), "{found:?}");

    // Redis forgets, and with it goes what should have been in the tables.
    let (_, damage, repair) = DAMAGES[0];
    let found = invariants::lost_with_redis(&store, &[], async || store.flush_redis().await).await;
    assert!(found.is_empty(), "{found:?}");
    let loss = async || {
        store.flush_redis().await;
        run(damage).await;
    };
    let found = invariants::lost_with_redis(&store, &[], loss).await;
    assert!(!found.is_empty() && found.iter().all(|violation| violation.starts_with("I10 ")), "{found:?}");
    run(repair).await;
    invariants::assert_sound(&store, &[]).await;

    // A fact that is told again is counted, and does nothing.
    let before = invariants::repeats(&store).await;
    let records = testkit::read_topic(&store.kafka(), topics::ORDER.name).await;
    let again = records.into_iter().find(|record| record.key == Some(placed.order.uuid().to_string().into())).unwrap();
    let Record { topic, key, payload, headers, .. } = again;
    let again = [Outgoing { topic, key, payload, headers }];
    for sent in Producer::new(&store.kafka()).unwrap().send_all(&again).await {
        sent.unwrap();
    }
    let mut after = invariants::repeats(&store).await;
    *after.get_mut(topics::ORDER.name).unwrap() -= 1;
    assert_eq!(after, before);
    invariants::assert_sound(&store, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_that_falls_is_noticed_by_whoever_reads() {
    let store = alone(&WISHES).await;
    let (one, other) = (Shop::open(&store, "walled-one").await, Shop::open(&store, "walled-other").await);
    for shop in [&one, &other] {
        shop.sell(&store, &[("KEPT", 100, 5)]).await;
        let placed = shop.place(&[("KEPT", 1)]).await;
        shop.reaches(placed.order, "confirmed").await;
    }
    let sees = async || {
        let shown = Readers::once(&store, &[&one, &other]).await;
        assert!(shown.wrong.is_empty() && shown.replies["list"] > 1, "{:?}, {:?}", shown.wrong, shown.replies);
        invariants::foreign(&store, &shown).await
    };
    assert_eq!(sees().await, Vec::<String>::new());
    let client = store.superuser().await;
    let view = "select pg_get_viewdef('\"order\".searchable_orders'::regclass)";
    let sound: String = client.query_one(view, &[]).await.unwrap().get(0);
    assert!(sound.contains(WALL), "{sound}");
    let define = async |definition: &str| {
        client
            .batch_execute(&format!("create or replace view \"order\".searchable_orders as {definition}"))
            .await
            .unwrap();
    };
    define(&sound.replace(WALL, "WHERE true")).await;
    let found = sees().await;
    define(&sound).await;
    for slug in [&one.slug, &other.slug] {
        let named = format!("I11 {slug} was shown ");
        assert!(found.iter().any(|violation| violation.starts_with(&named)), "{slug}: {found:?}");
    }
    assert_eq!(sees().await, Vec::<String>::new());
}
