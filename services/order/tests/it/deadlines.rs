//! Orders whose answer never comes.

use std::time::Duration;

use mediator::Mediator;
use order::{config::Settings, processes::deadline_sweep};
use testkit::{Topics, eventually};

use crate::world::{PATIENCE, World, one, with_deadline, woken, woken_only};

/// Sweeps until nothing is open any more.
async fn sweep_all(world: &World, mediator: &Mediator) {
    eventually(PATIENCE, async || {
        deadline_sweep::sweep(mediator, world.deadline).await.unwrap();
        world.value("select count(*) from orders where status = 'pending'").await == "0"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_answer_is_cancelled_at_its_deadline_and_not_before() {
    let world = World::start(with_deadline(2), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    assert_eq!(world.sweep().await.unwrap(), 0, "it is not due yet");
    sweep_all(&world, world.mediator()).await;
    let order = world.read(placed.order).await;
    assert_eq!((order["status"].as_str(), order["cancel_cause"].as_str()), (Some("cancelled"), Some("deadline")));
    let after = "select bool_and(settled_at >= deadline_at) from orders";
    assert_eq!(world.value(after).await, "true");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_sweep_at_once_cancel_each_order_once() {
    let world = World::start(with_deadline(1), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    for _ in 0..20 {
        world.place("MUG").await;
    }
    let (one, other) = (world.scene.mediator(), world.scene.mediator());
    tokio::join!(sweep_all(&world, &one), sweep_all(&world, &other));
    let said = "select count(*) || ' ' || count(distinct aggregateid) from outbox where type like '%cancelled%'";
    assert_eq!(world.value(said).await, "20 20");
    assert_eq!(world.value("select count(*) from order_history where cause = 'deadline'").await, "20");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_of_the_deadline_too() {
    let settings = Settings { sweep_interval: Duration::from_millis(50), ..woken_only(with_deadline(1)) };
    let world = World::start(settings, Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper().with("prefer", "wait=30");
    let reply = woken(shopper.post_reply(&world.orders(), &one("MUG"))).await;
    assert_eq!((reply.status, reply.json()["cancel_cause"].as_str()), (201, Some("deadline")), "{}", reply.text());
    assert!(reply.json()["order_token"].is_string());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_that_cannot_be_cancelled_does_not_delay_the_others() {
    let world = World::start(with_deadline(1), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let (spoilt, sound) = (world.place("MUG").await, world.place("MUG").await);
    world.execute(&format!("update orders set currency = 'ZZZ' where id = '{}'", spoilt.order.uuid())).await;
    eventually(PATIENCE, async || {
        let swept = world.sweep().await;
        let left = world.value("select count(*) from orders where status = 'pending'").await;
        left == "1" && swept.is_err()
    })
    .await;
    assert_eq!(world.read(sound.order).await["status"], "cancelled");
    world.stop().await;
}
