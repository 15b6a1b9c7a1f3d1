//! Several replicas, and replicas that die.

use std::time::{Duration, Instant};

use kernel::OrderId;
use testkit::eventually;

use crate::observation::Observation;
use crate::stage::{PATIENCE, Stage, confirmed, facts_in, placed};

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_tell_every_fact_exactly_once_and_keep_the_limits_together() {
    let stage = Stage::new().await;
    let replicas = [stage.replica().await, stage.replica().await, stage.replica().await];
    for _ in 0..30 {
        let order = OrderId::new();
        stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    }
    stage.told(60).await;
    assert_eq!(stage.telegram.refused(), 0);
    assert_eq!(stage.telegram.messages().iter().map(facts_in).sum::<i64>(), 60);
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_sender_held_is_told_when_its_lease_has_run_out_and_counted() {
    let observation = Observation::install();
    let stage = Stage::new().await;
    stage.lease_chat("1 hour").await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("pending").await == 1).await;
    assert!(stage.telegram.messages().is_empty(), "the chat belongs to another sender");

    stage.lease_chat("2500 milliseconds").await;
    let died_at = Instant::now();
    eventually(PATIENCE, async || !stage.telegram.messages().is_empty()).await;
    assert!(died_at.elapsed() >= Duration::from_millis(2_400), "{:?}", died_at.elapsed());
    stage.told(1).await;
    assert_eq!(stage.telegram.messages().len(), 1);
    let unknown = "notifier_messages_unknown_total{by=\"telegram\",because=\"no-settlement\"}";
    let metrics = observation.metrics();
    assert!(metrics.contains(unknown), "{metrics}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_stopped_marks_what_it_has_told() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || !stage.telegram.messages().is_empty()).await;
    replica.stop().await;
    assert_eq!((stage.count("sent").await, stage.count("pending").await), (1, 0));

    let next = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(2).await;
    assert_eq!(stage.telegram.messages().iter().map(facts_in).sum::<i64>(), 2, "nothing is told twice");
    next.stop().await;
}
