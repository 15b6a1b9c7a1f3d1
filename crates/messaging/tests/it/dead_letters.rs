//! Records that can never be taken: set aside with their cause, their key waits, the others go on,
//! and a redrive brings everything back in order.

use std::sync::Arc;
use std::time::Duration;

use messaging::{Consumer, Outgoing, Producer, Subscriptions, dead_letter_header as header};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{Behaviour, TakeEffect, effects, record, scene};

const LETTERS: &str = "order.order.v1.dlq.order";

async fn start(scene: &Scene, behaviour: Behaviour) -> Consumer {
    let behaviour = Arc::new(behaviour);
    let subscriptions =
        Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) });
    let settings = scene.messaging();
    let producer = Producer::new(&settings).unwrap();
    Consumer::start(settings, scene.mediator(), producer, subscriptions).await.unwrap()
}

fn with_header(mut record: Outgoing, name: &str, value: &str) -> Outgoing {
    record.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_parsed_is_set_aside_within_a_second_and_its_key_waits() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    let (bad, good) = (Uuid::from_u128(1), Uuid::from_u128(2));
    scene.send(&[record(&scene, good, 1)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 1).await;

    let mut broken = record(&scene, bad, 1);
    broken.payload = Some(b"{\"order\":".to_vec());
    let sent = std::time::Instant::now();
    scene.send(&[broken]).await;
    eventually(Duration::from_secs(10), async || !scene.read(LETTERS).await.is_empty()).await;
    let took = sent.elapsed();
    scene.send(&[record(&scene, bad, 2), record(&scene, good, 2)]).await;
    eventually(Duration::from_secs(10), async || scene.read(LETTERS).await.len() == 2).await;
    eventually(Duration::from_secs(10), async || effects(&scene).await == vec![(good, 1), (good, 2)]).await;

    let letters = scene.read(LETTERS).await;
    assert_eq!(letters[0].header(header::KIND), Some("unreadable"));
    assert!(letters[0].header(header::ERROR).unwrap().contains("order.order.cancelled.v1"));
    assert_eq!(letters[0].header(header::GROUP), Some("order"));
    assert_eq!(letters[0].header(header::TOPIC), Some("order.order.v1"));
    assert_eq!(letters[1].header(header::KIND), Some("parked"));
    assert_eq!(letters[1].key, letters[0].key);
    // Reading the topic from its start takes a while itself, hence the margin on "within a second".
    assert!(took < Duration::from_secs(3), "took {took:?}");
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_culprit_of_a_batch_is_found_and_the_others_have_their_effects() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let culprit = Uuid::from_u128(7);
    let all: Vec<Outgoing> = (1..=20).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), 1)).collect();
    scene.send(&all).await;
    let consumer = start(&scene, Behaviour { impossible: Some(culprit), ..Behaviour::default() }).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 19).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 1).await;
    assert!(effects(&scene).await.iter().all(|(aggregate, _)| *aggregate != culprit));
    assert_eq!(scene.read(LETTERS).await[0].header(header::KIND), Some("permanent"));
    consumer.stop(Duration::from_secs(10)).await;

    // The defect is repaired; the letter and what came behind it are redriven in order.
    scene.send(&[record(&scene, culprit, 2)]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 2).await;
    let redriven = |version| with_header(record(&scene, culprit, version), header::REDRIVE, "order");
    scene.send(&[redriven(1), with_header(redriven(2), header::UNPARK, "true"), record(&scene, culprit, 3)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 22).await;
    let versions: Vec<i64> =
        effects(&scene).await.into_iter().filter(|(id, _)| *id == culprit).map(|(_, version)| version).collect();
    assert_eq!(versions, vec![1, 2, 3]);
    assert_eq!(scene.read(LETTERS).await.len(), 2, "the key was still parked");
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_redriven_for_another_group_is_passed_by() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    let aggregate = Uuid::from_u128(1);
    let foreign = with_header(record(&scene, aggregate, 1), header::REDRIVE, "notifier");
    scene.send(&[foreign, record(&scene, aggregate, 2)]).await;
    eventually(Duration::from_secs(30), async || !effects(&scene).await.is_empty()).await;
    assert_eq!(effects(&scene).await, vec![(aggregate, 2)]);
    assert!(scene.read(LETTERS).await.is_empty());
    consumer.stop(Duration::from_secs(10)).await;
}
