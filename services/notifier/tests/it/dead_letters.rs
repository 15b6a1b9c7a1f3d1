//! A record that cannot be taken, what waits behind it, and how both come back in order.

use kernel::OrderId;
use messaging::operations::{Selection, dead_letter_topics, dead_letters, discard, redrive, topics};
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, confirmed, placed};

fn selection() -> Selection {
    Selection { group: "notifier".to_owned(), topic: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_come_back_in_order_when_their_cause_is_mended() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let kafka = stage.scene.messaging_of("cyberctl");
    stage.superuser.batch_execute("revoke insert on deliveries from notifier_app").await.unwrap();
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    let pending = async || {
        let topics = dead_letter_topics(&kafka).await.unwrap();
        topics.iter().map(|topic| topic.pending).sum::<i64>()
    };
    eventually(PATIENCE, async || pending().await == 1).await;
    stage.superuser.batch_execute("grant insert on deliveries to notifier_app").await.unwrap();
    // The cause is mended, but this one waits behind its predecessor; another key does not wait.
    stage.scene.publish(2, &confirmed(order)).await;
    eventually(PATIENCE, async || pending().await == 2).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;

    let letters = dead_letters(&kafka, &selection(), false, 100).await.unwrap();
    let kinds: Vec<&str> = letters.iter().map(|letter| letter.kind.as_str()).collect();
    assert_eq!(kinds, ["permanent", "parked"]);
    assert!(letters[0].error.contains("permission denied"), "{}", letters[0].error);
    assert_eq!(letters[0].topic, "order.order.v1");

    let redriven = redrive(&kafka, &selection(), PATIENCE).await.unwrap();
    assert_eq!((redriven.records, redriven.keys, redriven.taken, redriven.failed_again), (2, 1, true, 0));
    stage.told(3).await;
    assert_eq!(pending().await, 0);
    let told = "select kind from deliveries where fact->>'order' = $1 order by id";
    let told = stage.superuser.query(told, &[&order.to_string()]).await.unwrap();
    let kinds: Vec<String> = told.iter().map(|row| row.get(0)).collect();
    assert_eq!(kinds, ["order-placed", "order-confirmed"]);

    // The key is free again, and redriving again finds nothing.
    stage.scene.publish(3, &confirmed(order)).await;
    stage.told(4).await;
    assert_eq!(redrive(&kafka, &selection(), PATIENCE).await.unwrap().records, 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_no_event_is_set_aside_with_its_cause_and_can_be_discarded() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let kafka = stage.scene.messaging_of("cyberctl");
    let order = OrderId::new();
    let mut broken = stage.record(1, &placed(order));
    broken.payload = Some(b"{\"order\":".to_vec());
    stage.scene.send(&[broken]).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let letters = eventually(PATIENCE, async || {
        let letters = dead_letters(&kafka, &selection(), false, 100).await.unwrap();
        (letters.len() == 1).then_some(letters)
    })
    .await;
    assert_eq!((letters[0].kind.as_str(), letters[0].payload.as_deref()), ("unreadable", Some("{\"order\":")));
    assert!(letters[0].error.contains("cannot be read"), "{}", letters[0].error);

    // Brought back it fails again, which is said, and does not go round in a circle.
    let redriven = redrive(&kafka, &selection(), PATIENCE).await.unwrap();
    assert_eq!((redriven.records, redriven.taken, redriven.failed_again), (1, true, 1));
    let discarded = discard(&kafka, &selection(), PATIENCE).await.unwrap();
    assert_eq!((discarded.discarded, discarded.records, discarded.taken), (1, 0, true));
    assert!(dead_letters(&kafka, &selection(), false, 100).await.unwrap().is_empty());
    assert_eq!(dead_letters(&kafka, &selection(), true, 100).await.unwrap().len(), 2, "they stay readable");
    // Its key is free again.
    stage.scene.publish(2, &confirmed(order)).await;
    stage.told(2).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_shown_with_records_and_the_lag_of_the_group() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let kafka = stage.scene.messaging_of("cyberctl");
    let lag = async || {
        let reports = topics(&kafka, contracts::topics::ALL).await.unwrap();
        let order = reports.into_iter().find(|report| report.topic == "order.order.v1").unwrap();
        assert_eq!((order.partitions, order.cleanup.as_str(), order.records), (12, "delete", 1));
        assert!(order.problems.is_empty(), "{:?}", order.problems);
        order.groups.iter().find(|group| group.group == "notifier").map(|group| group.lag)
    };
    eventually(PATIENCE, async || lag().await == Some(0)).await;
    replica.stop().await;
    stage.scene.publish(2, &placed(OrderId::new())).await;
    let reports = topics(&kafka, contracts::topics::ALL).await.unwrap();
    let order = reports.iter().find(|report| report.topic == "order.order.v1").unwrap();
    let behind = order.groups.iter().find(|group| group.group == "notifier").unwrap();
    assert!(behind.lag >= 1, "{behind:?}");
    let missing = reports.iter().find(|report| report.topic == "category.category.v1").unwrap();
    assert!(missing.problems[0].contains("missing"), "{:?}", missing.problems);
}
