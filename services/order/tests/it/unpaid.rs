//! Confirmed orders that nobody pays for: cancelled once their time is over, and nothing else is.

use std::time::Duration;

use futures::future::join_all;
use kernel::{CustomerId, OrderId};
use mediator::{Mediator, Provenance, Scope};
use order::{
    commands::{Answer, SettleOrders},
    domain::Trigger,
    processes::unpaid_sweep,
};
use serde_json::json;
use testkit::{Caller, eventually};

use crate::life::{Desk, amount, pieces};
use crate::world::{PATIENCE, Placed, World};

/// How long an order may stay unpaid here.
const HALF_AN_HOUR: Duration = Duration::from_secs(1_800);

async fn sweep(mediator: &Mediator) -> usize {
    unpaid_sweep::sweep(mediator, HALF_AN_HOUR).await.unwrap()
}

/// Takes catalog's answer to these orders: it holds their stock.
async fn confirm(world: &World, orders: &[OrderId]) {
    let organisation = world.scene.organisation();
    let provenance = Provenance::new("system:catalog");
    let answer = |order: &OrderId| Answer {
        organisation,
        order: *order,
        trigger: Trigger::Reserved,
        provenance: provenance.clone(),
    };
    let answers = orders.iter().map(answer).collect();
    world.mediator().send(&Scope::batch(order::NAME, [organisation]), SettleOrders { answers }).await.unwrap();
}

/// So many confirmed orders of two mugs.
async fn confirmed(world: &World, count: usize) -> Vec<OrderId> {
    let two = json!({"lines": [{"sku": "MUG", "quantity": 2}]});
    let mut orders = Vec::new();
    for _ in 0..count {
        orders.push(Placed::of(&world.shopper().post_reply(&world.orders(), &two).await).order);
    }
    confirm(world, &orders).await;
    orders
}

/// Lets everything have been confirmed longer ago than an order may stay unpaid.
async fn later(world: &World) {
    world.execute("update orders set settled_at = settled_at - interval '31 minutes'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_pays_for_is_cancelled_after_its_time_and_no_other_one_is() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let cleo = world.customer(CustomerId::new());
    let two = json!({"lines": [{"sku": "MUG", "quantity": 2}]});
    let unpaid = Placed::of(&cleo.post_reply(&world.orders(), &two).await).order;
    confirm(&world, &[unpaid]).await;
    let mut kept = confirmed(&world, 7).await;
    let desk = |at: usize| Desk::of(&world, kept[at]);
    let paid = json!({"kind": "received", "method": "cash", "amount": amount("0.10")});
    desk(0).made("payments", paid.clone()).await;
    let promised = json!({"kind": "authorised", "method": "card", "amount": amount("19.80")});
    desk(1).made("payments", promised).await;
    desk(2).made("pack", json!({"lines": pieces(&[("MUG", 1)])})).await;
    desk(3).made("ship", json!({"lines": pieces(&[("MUG", 1)])})).await;
    desk(4).done("hold", json!({})).await;
    desk(5).done("cancel-request", json!({})).await;
    let adding = desk(6).staff.with("if-match", "*").with("idempotency-key", "one-mug-more-for-this-order");
    let more = json!({"lines": [{"sku": "MUG", "quantity": 3}]});
    assert_eq!(adding.patch(&format!("/admin/v1/orders/{}/lines", kept[6]), &more).await.0, 202);
    let entered = world.client(Caller::Owner).post_reply("/admin/v1/orders", &two).await;
    kept.push(Placed::of(&entered).order);
    confirm(&world, &kept[7..]).await;
    assert_eq!(sweep(world.mediator()).await, 0, "its time is not over");
    later(&world).await;
    kept.extend(confirmed(&world, 1).await);
    assert_eq!(sweep(world.mediator()).await, 1);
    assert_eq!(sweep(world.mediator()).await, 0);

    let cancelled = world.read(unpaid).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["cancel_cause"], &cancelled["lines"][0]["pieces"]["cancelled"]),
        (&json!("cancelled"), &json!("deadline"), &json!(2)),
        "{cancelled}"
    );
    for order in kept {
        assert_ne!(world.read(order).await["status"], "cancelled", "{order}");
    }
    let staff = world.client(Caller::Owner);
    let (_, page) = staff.get(&format!("/admin/v1/orders/{unpaid}/timeline")).await;
    let last = &page["items"][0];
    let said = [&last["event"], &last["cause"], &last["actor"]];
    assert_eq!(said, [&json!("cancelled"), &json!("unpaid"), &json!("system:order")]);
    let (_, found) = staff.get("/admin/v1/orders?where=cancel_cause:eq:deadline").await;
    assert_eq!((&found["items"][0]["id"], &found["items"][0]["cancel_cause"]), (&json!(unpaid), &json!("deadline")));
    let (status, own) = cleo.get(&world.orders()).await;
    assert_eq!((status, &own["items"][0]["cancel_cause"]), (200, &json!("deadline")), "{own}");
    let told = "select string_agg(payload::jsonb ->> 'cause', ' ') from outbox where type = 'order.order.cancelled.v1'";
    assert_eq!(world.value(told).await, "deadline");

    // Money that comes too late is recorded, and whoever records it is told.
    let late = Desk::of(&world, unpaid).made("payments", paid).await;
    assert_eq!((&late["status"], &late["payment_status"]), (&json!("cancelled"), &json!("paid")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_reads_the_orders_that_count_by_an_index() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    confirmed(&world, 1).await;
    // Many that are over, written past the program.
    world
        .execute(
            "insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at,
                                 settled_at, updated_at)
             select o.org_id, gen_random_uuid(), 'completed', 100, 'USD', o.token_digest, 3, o.placed_at, o.deadline_at,
                    o.settled_at, o.updated_at
             from orders o, generate_series(1, 20000)",
        )
        .await;
    world.execute("vacuum analyze orders").await;
    later(&world).await;
    assert_eq!(sweep(world.mediator()).await, 1);
    let used = "select idx_scan > 0 from pg_stat_user_indexes where indexrelname = 'orders_unpaid_due'";
    // The server counts what a connection did a moment later.
    eventually(PATIENCE, async || {
        let used = world.value(used).await;
        if used == "true" { Ok(()) } else { Err(used) }
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_sweep_at_once_cancel_each_unpaid_order_once() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    confirmed(&world, 20).await;
    later(&world).await;
    let (one, other) = (world.scene.mediator(), world.scene.mediator());
    tokio::join!(sweep(&one), sweep(&other));
    let said = "select count(*) || ' ' || count(distinct aggregateid) from outbox where type like '%cancelled%'";
    assert_eq!(world.value(said).await, "20 20");
    assert_eq!(world.value("select count(*) from order_history where cause = 'unpaid'").await, "20");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_the_moment_of_the_cancellation_keeps_the_order_or_is_told_that_it_came_too_late() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let orders = confirmed(&world, 12).await;
    later(&world).await;
    let paid = json!({"kind": "received", "method": "cash", "amount": amount("19.80")});
    let pay = |order: &OrderId| {
        let (desk, paid) = (Desk::of(&world, *order), paid.clone());
        async move { desk.made("payments", paid).await }
    };
    let mediator = world.scene.mediator();
    let (replies, _) = tokio::join!(join_all(orders.iter().map(pay)), sweep(&mediator));
    sweep(&mediator).await;
    for (order, reply) in orders.iter().zip(replies) {
        let seen = world.read(*order).await;
        assert_eq!((&seen["status"], &seen["payment_status"]), (&reply["status"], &reply["payment_status"]), "{seen}");
        assert!(["confirmed", "cancelled"].map(|status| json!(status)).contains(&seen["status"]), "{seen}");
        assert_eq!(seen["payments"].as_array().unwrap().len(), 1, "the money is in the books");
    }
    world.stop().await;
}
