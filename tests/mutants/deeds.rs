//! What brings each fault to light. Without the fault each ends in a sound store; the checker is asked afterwards, not here.

use std::time::Duration;

use contracts::order::{Confirmed, OrderEvent};
use contracts::topics;
use e2e::{PATIENCE, Shop, Store, order_of};
use kernel::{Currency, Money, OrderId};
use messaging::Producer;
use mutants::Mutant;
use serde_json::json;
use testkit::eventually;

/// Longer than an order waits for catalog in this store.
const PAST_THE_DEADLINE: Duration = Duration::from_secs(14);

pub(crate) async fn of(mutant: Mutant, store: &mut Store, shop: &Shop) {
    match mutant {
        Mutant::NaiveCursor => commit_late(store, shop).await,
        Mutant::OffsetBeforeCommit => kill_between_offset_and_commit(store, shop).await,
        Mutant::InboxOff => drop(confirmed(store, shop, "TAKEN", 2).await),
        Mutant::UnconditionalReserve => order_more_than_there_is(store, shop).await,
        Mutant::KeyElsewhere => kill_between_commit_and_key(store, shop).await,
        Mutant::UnguardedRelease => cancel_what_has_expired(store, shop).await,
        Mutant::LetterAfterCommit => kill_between_offset_and_letter(store, shop).await,
        Mutant::NoAcknowledgement => kill_the_broker_before_it_answers(store, shop).await,
        Mutant::TimerInMemory => restart_order_while_catalog_is_away(store, shop).await,
    }
}

/// An order that was confirmed, and whose pieces are held.
async fn confirmed(store: &Store, shop: &Shop, sku: &str, pieces: i64) -> OrderId {
    shop.sell(store, &[(sku, 100, 10)]).await;
    let order = shop.place(&[(sku, pieces)]).await.order;
    shop.reaches(order, "confirmed").await;
    eventually(PATIENCE, async || shop.stock(sku).await["held"] == pieces).await;
    order
}

/// The number that a statement gives.
async fn count(store: &Store, statement: &str) -> i64 {
    store.superuser().await.query_one(statement, &[]).await.unwrap().get(0)
}

/// A placed event gets its number before a cancelled one, and commits after it.
async fn commit_late(store: &Store, shop: &Shop) {
    let order = confirmed(store, shop, "LATE", 2).await;
    let client = store.superuser().await;
    client
        .batch_execute(
            "create or replace function public.commit_late() returns trigger language plpgsql as
               $$ begin perform pg_sleep(3); return null; end $$;
             create trigger commit_late after insert on \"order\".outbox for each row
               when (new.type = 'order.order.placed.v1') execute function public.commit_late()",
        )
        .await
        .unwrap();
    let placing = shop.place(&[("LATE", 1)]);
    let cancelling = async {
        // The placing has its number, and waits in the trigger.
        let asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        eventually(PATIENCE, async || count(store, asleep).await == 1).await;
        shop.owner.post(&format!("/admin/v1/orders/{order}/cancel"), &json!({})).await
    };
    let (_, (status, body)) = tokio::join!(placing, cancelling);
    assert_eq!(status, 200, "{body}");
    client.batch_execute("drop trigger commit_late on \"order\".outbox").await.unwrap();
}

/// Catalog dies when it has told the broker that it has read a cancellation.
async fn kill_between_offset_and_commit(store: &mut Store, shop: &Shop) {
    let order = confirmed(store, shop, "OFFSET", 2).await;
    let (status, body) = shop.owner.post(&format!("/admin/v1/orders/{order}/cancel"), &json!({})).await;
    assert_eq!(status, 200, "{body}");
    let left = "select count(*) from \"order\".outbox";
    eventually(PATIENCE, async || {
        count(store, left).await == 0 && store.lag(topics::ORDER.name, "catalog").await == Some(0)
    })
    .await;
    store.replica("catalog", 1).kill().await;
    store.start("catalog", 1).await;
}

/// More is ordered than there is, and the database does not stand in the way: its own rule would refuse what the service should have.
async fn order_more_than_there_is(store: &Store, shop: &Shop) {
    const RULE: &str = "alter table catalog.stock drop constraint stock_never_oversold";
    const AGAIN: &str = "alter table catalog.stock add constraint stock_never_oversold
                         check (may_be_short or on_hand >= reserved + held) not valid";
    shop.sell(store, &[("SCARCE", 100, 1)]).await;
    let client = store.superuser().await;
    client.batch_execute(RULE).await.unwrap();
    let order = shop.place(&[("SCARCE", 3)]).await.order;
    eventually(PATIENCE, async || shop.read(order).await["status"] != "pending").await;
    // What was reserved becomes a hold, if the order was confirmed.
    eventually(PATIENCE, async || {
        count(store, "select count(*) from \"order\".outbox").await == 0
            && store.lag(topics::ORDER.name, "catalog").await == Some(0)
    })
    .await;
    client.batch_execute(AGAIN).await.unwrap();
}

/// Order dies when it has written an order, and before it has answered; the shopper repeats the request.
async fn kill_between_commit_and_key(store: &mut Store, shop: &Shop) {
    shop.sell(store, &[("KEYED", 100, 10)]).await;
    let keyed = shop.shopper.clone().with("idempotency-key", &format!("repeated-{}", shop.slug));
    let (path, body) = (shop.orders(), order_of(&[("KEYED", 1)]));
    let first = {
        let (keyed, path, body) = (keyed.clone(), path.clone(), body.clone());
        tokio::spawn(async move { keyed.post_reply(&path, &body).await })
    };
    let placed = format!(
        "select count(*) from \"order\".orders join auth.organisations o using (org_id) where o.slug = '{}'",
        shop.slug
    );
    eventually(PATIENCE, async || count(store, &placed).await == 1).await;
    store.replica("order", 1).kill().await;
    let _cut_off = first.await.unwrap();
    store.start("order", 1).await;
    eventually(PATIENCE, async || keyed.post_reply(&path, &body).await.status < 300).await;
}

/// An order's reservation expires while order is away; another order holds pieces of the same SKU.
async fn cancel_what_has_expired(store: &mut Store, shop: &Shop) {
    confirmed(store, shop, "SHARED", 2).await;
    store.replica("catalog", 1).kill().await;
    let order = shop.place(&[("SHARED", 2)]).await.order;
    eventually(PATIENCE, async || count(store, "select count(*) from \"order\".outbox").await == 0).await;
    store.replica("order", 1).kill().await;
    store.start("catalog", 1).await;
    let state = |state: &str| {
        format!("select count(*) from catalog.reservations where order_id = '{}' and state = '{state}'", order.uuid())
    };
    eventually(PATIENCE, async || count(store, &state("reserved")).await == 1).await;
    let long_ago = format!(
        "update catalog.reservations set expires_at = now() - interval '1 hour' where order_id = '{}'",
        order.uuid()
    );
    store.superuser().await.batch_execute(&long_ago).await.unwrap();
    eventually(PATIENCE, async || count(store, &state("expired")).await == 1).await;
    store.start("order", 1).await;
    shop.reaches(order, "cancelled").await;
    eventually(PATIENCE, async || store.lag(topics::ORDER.name, "catalog").await == Some(0)).await;
}

/// Catalog dies when it has told the broker that it has read a record which nobody can read.
async fn kill_between_offset_and_letter(store: &mut Store, shop: &Shop) {
    let order = confirmed(store, shop, "POISON", 1).await;
    let organisation = format!("select org_id::text from auth.organisations where slug = '{}'", shop.slug);
    let organisation: String = store.superuser().await.query_one(&organisation, &[]).await.unwrap().get(0);
    let total = Money::from_minor(100, Currency::parse("USD").unwrap()).unwrap();
    let event = OrderEvent::Confirmed(Confirmed { order, total, standing: None });
    let organisation = kernel::OrganisationId::from_uuid(organisation.parse().unwrap());
    let mut record = testkit::publish(Some(organisation), 99, &event);
    record.payload = Some(b"{".to_vec());
    for sent in Producer::new(&store.kafka()).unwrap().send_all(&[record]).await {
        sent.unwrap();
    }
    let parked = format!("select count(*) from catalog.parked_keys where key = '{}'", order.uuid());
    eventually(PATIENCE, async || {
        count(store, &parked).await == 1 && store.lag(topics::ORDER.name, "catalog").await == Some(0)
    })
    .await;
    store.replica("catalog", 1).kill().await;
    store.start("catalog", 1).await;
}

/// The broker takes bytes, answers nothing, and dies.
async fn kill_the_broker_before_it_answers(store: &mut Store, shop: &Shop) {
    // The relay knows the broker.
    confirmed(store, shop, "LOST", 1).await;
    store.servers.as_mut().unwrap().kafka.server.pause();
    shop.place(&[("LOST", 1)]).await;
    let sent =
        async { eventually(PATIENCE, async || count(store, "select count(*) from \"order\".outbox").await == 0).await };
    // A relay that waits for the answer keeps the row, and then nothing is to be waited for.
    let _kept = tokio::time::timeout(Duration::from_secs(5), sent).await;
    let kafka = &mut store.servers.as_mut().unwrap().kafka.server;
    kafka.kill().await;
    kafka.restart().await.unwrap();
    // It leads its partitions again once an order gets through.
    confirmed(store, shop, "AFTER", 1).await;
    eventually(PATIENCE, async || count(store, "select count(*) from \"order\".outbox").await == 0).await;
}

async fn restart_order_while_catalog_is_away(store: &mut Store, shop: &Shop) {
    shop.sell(store, &[("TIMED", 100, 10)]).await;
    store.replica("catalog", 1).kill().await;
    shop.place(&[("TIMED", 1)]).await;
    eventually(PATIENCE, async || count(store, "select count(*) from \"order\".outbox").await == 0).await;
    store.start("order", 1).await;
    // An order whose deadline nobody remembers stays as it is: there is nothing to wait for.
    tokio::time::sleep(PAST_THE_DEADLINE).await;
}
