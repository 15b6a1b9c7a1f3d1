//! A broker that is away for longer than an order's deadline: the orders wait for it, up to a limit.

use std::time::Duration;

use contracts::{
    catalog::{ReservationEvent, Reserved},
    topics,
};
use devstack::{Kafka, Place};
use kernel::Clock;
use messaging::{Producer, Settings as Broker};
use order::{config::Settings, domain::Deadline};
use testkit::{Caller, Topics, eventually, publish, read_topic};

use crate::world::{PATIENCE, World, settings};

const DEADLINE: Deadline = Deadline { seconds: 4, limit_seconds: 600 };

fn sweeping(deadline: Deadline) -> Settings {
    Settings { deadline, sweep_interval: Duration::from_millis(100), ..settings() }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_for_the_broker_for_longer_than_their_deadline_are_confirmed_when_it_is_back() {
    let mut kafka = Kafka::start(Place::temporary("kafka").unwrap()).await.unwrap();
    let world = World::start_on(&kafka.brokers(), sweeping(DEADLINE)).await;
    world.sell(&[("MUG", 990)]).await;
    kafka.server.kill().await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(world.place("MUG").await.order);
    }
    let named = eventually(PATIENCE, async || world.away().await.pop()).await;
    assert!(named.starts_with("kafka: Kafka has not answered since "), "{named}");
    let deadlines_over = "select bool_and(now() > placed_at + interval '6 seconds') from orders";
    eventually(PATIENCE, async || world.value(deadlines_over).await == "true").await;
    assert_eq!(world.value("select count(*) from orders where status = 'pending' and version = 1").await, "5");

    kafka.server.restart().await.unwrap();
    let broker = Broker { brokers: kafka.brokers(), ..world.scene.messaging() };
    eventually(PATIENCE, async || world.value("select count(*) from outbox").await == "0").await;
    assert_eq!(read_topic(&broker, topics::ORDER.name).await.len(), 5);
    // From now on each of them has its full time, but for what a sweep takes.
    let (left, answered) = placed.split_first().unwrap();
    let remaining = format!(
        "select extract(epoch from deadline_at - now()) between 1 and 6 from orders where id = '{}'",
        left.uuid()
    );
    assert_eq!(world.value(&remaining).await, "true");
    let catalog = Producer::new(&Broker { service: "test".to_owned(), ..broker.clone() }).unwrap();
    for order in answered {
        let expires_at = Clock::now() + Duration::from_secs(90);
        let reserved = ReservationEvent::Reserved(Reserved { order: *order, lines: vec![], expires_at });
        catalog.send(publish(Some(world.scene.organisation()), 1, &reserved)).await.unwrap();
    }
    for order in answered {
        world.reaches(*order, "confirmed").await;
    }
    eventually(PATIENCE, async || world.away().await.is_empty()).await;
    let cancelled = world.reaches(*left, "cancelled").await;
    assert_eq!((cancelled["cancel_cause"].as_str(), cancelled["version"].as_i64()), (Some("deadline"), Some(2)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_an_order_is_cancelled_wherever_its_event_is_and_the_list_says_why() {
    // Nothing takes its event from the outbox.
    let world = World::start(sweeping(Deadline { seconds: 1, limit_seconds: 4 }), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    world.reaches(placed.order, "cancelled").await;
    let waited =
        "select extract(epoch from settled_at - placed_at) >= 4 and deadline_at = placed_at + interval '4 seconds'
                  from orders";
    assert_eq!(world.value(waited).await, "true");
    let (_, page) = world.client(Caller::Viewer).get("/admin/v1/orders").await;
    assert_eq!(page["items"][0]["cancel_cause"], "deadline", "{page}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_catalog_has_heard_of_keeps_its_deadline() {
    let world = World::start(sweeping(Deadline { seconds: 2, limit_seconds: 600 }), Topics::On).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    world.reaches(placed.order, "cancelled").await;
    let kept = "select deadline_at = placed_at + interval '2 seconds' from orders";
    assert_eq!(world.value(kept).await, "true");
    world.stop().await;
}
