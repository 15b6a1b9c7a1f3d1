//! Records that can never be taken: set aside with their cause, their key waits, the others go on,
//! a redrive brings everything back in order, and a discard gives up what is wrong and nothing else.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use kernel::OrderId;
use messaging::{Outgoing, Producer, Record, SendFailure, Subscriptions, dead_letter_header as header, operations};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{Behaviour, Member, TakeEffect, effects, record, scene};

const LETTERS: &str = "order.order.v1.dlq.order";

async fn start(scene: &Scene, behaviour: Behaviour) -> Member {
    let behaviour = Arc::new(behaviour);
    let subscriptions =
        Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) });
    let settings = scene.messaging();
    Member::join(settings, scene.mediator(), subscriptions).await
}

/// As a redrive writes it that brought the dead letters of its key back up to this offset.
fn redriven(record: Outgoing, until: i64) -> Outgoing {
    with_header(with_header(record, header::REDRIVE, "order"), header::UNTIL, &until.to_string())
}

/// The same, as the last of its key.
fn last_redriven(record: Outgoing, until: i64) -> Outgoing {
    with_header(redriven(record, until), header::UNPARK, "true")
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
    scene.send(&[broken]).await;
    eventually(Duration::from_secs(10), async || !scene.read(LETTERS).await.is_empty()).await;
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
    // Both times are those at which a client of this machine handed the record to the broker.
    let sent = scene.read("order.order.v1").await.into_iter().find(|record| record.key == letters[0].key).unwrap();
    let took = letters[0].timestamp.unwrap() - sent.timestamp.unwrap();
    assert!((0..=1_000).contains(&took), "set aside after {took} ms");
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
    let until = offset_of_last(&scene).await;
    let back = [redriven(record(&scene, culprit, 1), until), last_redriven(record(&scene, culprit, 2), until)];
    scene.send(&back).await;
    scene.send(&[record(&scene, culprit, 3)]).await;
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

/// (event id, kind) of each dead letter, in order.
fn told(letters: &[Record]) -> Vec<(String, String)> {
    let text = |letter: &Record, name| letter.header(name).unwrap_or_default().to_owned();
    letters.iter().map(|letter| (text(letter, contracts::header::ID), text(letter, header::KIND))).collect()
}

fn id_of(record: &Outgoing) -> String {
    let (_, id) = record.headers.iter().find(|(name, _)| name == contracts::header::ID).unwrap();
    String::from_utf8(id.clone()).unwrap()
}

fn broken(mut record: Outgoing) -> Outgoing {
    record.payload = Some(b"{\"order\":".to_vec());
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_an_unreadable_record_of_its_key_does_not_wait_behind_it() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let key = Uuid::from_u128(1);
    let (before, bad, after) = (record(&scene, key, 1), broken(record(&scene, key, 2)), record(&scene, key, 3));
    // On the topic before anybody listens, so that one poll gives all three.
    scene.send(&[before, bad.clone(), after.clone()]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() >= 2).await;
    assert_eq!(effects(&scene).await, vec![(key, 1)]);
    let expected = vec![(id_of(&bad), "unreadable".to_owned()), (id_of(&after), "parked".to_owned())];
    assert_eq!(told(&scene.read(LETTERS).await), expected);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_tried_again_writes_each_of_its_dead_letters_once() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let (bad, good) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let (first, behind) = (broken(record(&scene, bad, 1)), record(&scene, bad, 2));
    scene.send(&[first.clone(), record(&scene, good, 1)]).await;
    let consumer = start(&scene, Behaviour { transient: AtomicU32::new(4), ..Behaviour::default() }).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 1).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 1).await;
    consumer.stop(Duration::from_secs(10)).await;

    // Now its key waits already when the batch fails.
    scene.send(&[behind.clone(), record(&scene, good, 2)]).await;
    let consumer = start(&scene, Behaviour { transient: AtomicU32::new(4), ..Behaviour::default() }).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 2).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() >= 2).await;
    consumer.stop(Duration::from_secs(10)).await;
    let expected = vec![(id_of(&first), "unreadable".to_owned()), (id_of(&behind), "parked".to_owned())];
    assert_eq!(told(&scene.read(LETTERS).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_makes_its_command_panic_is_set_aside_and_the_service_goes_on() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let culprit = Uuid::from_u128(7);
    let all: Vec<Outgoing> = (1..=20).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), 1)).collect();
    scene.send(&all).await;
    let consumer = start(&scene, Behaviour { panics: Some(culprit), ..Behaviour::default() }).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 19).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 1).await;
    let letters = scene.read(LETTERS).await;
    assert_eq!(letters[0].header(header::KIND), Some("permanent"));
    assert!(letters[0].header(header::ERROR).unwrap().contains("as the test wants"));
    assert!(!consumer.has_ended());
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_lies_on_a_topic_can_be_set_aside() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    // What is wrong with it is quoted, and PostgreSQL keeps no NUL.
    let (key, good) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut zero = record(&scene, key, 1);
    zero.payload = Some(format!(r#"{{"order":"{}","cause":"\u0000"}}"#, OrderId::from_uuid(key)).into_bytes());
    // Keys that no index row could hold, and that are no text.
    let mut endless = record(&scene, key, 2);
    endless.key = Some(vec![b'k'; 100_000]);
    let mut bytes = record(&scene, key, 3);
    bytes.key = Some(vec![0, 0xff]);
    // The largest that can be sent, and nothing of it is JSON.
    let producer = Producer::new(&scene.messaging()).unwrap();
    let mut large = record(&scene, good, 1);
    large.payload = Some(vec![b'x'; 1_000_000]);
    while let Err(refused) = producer.send(large.clone()).await {
        assert!(matches!(refused, SendFailure::Impossible(_)), "{refused}");
        let payload = large.payload.as_mut().unwrap();
        payload.truncate(payload.len() - 50);
    }
    let last = Uuid::from_u128(3);
    scene.send(&[zero, endless, bytes, record(&scene, last, 1)]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() >= 4).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(last, 1)]).await;
    scene.send(&[record(&scene, last, 2)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 2).await;
    assert_eq!(scene.read(LETTERS).await.len(), 4);
    assert!(!consumer.state().is_blocked());
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_fails_again_lets_nothing_overtake() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let key = Uuid::from_u128(7);
    scene.send(&[record(&scene, key, 1), record(&scene, key, 2)]).await;
    let consumer = start(&scene, Behaviour { impossible: Some(key), ..Behaviour::default() }).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 2).await;

    // Brought back although only the second of them could be taken by now.
    let one = || broken(record(&scene, key, 1));
    let (two, three) = (|| record(&scene, key, 2), || record(&scene, key, 3));
    let until = offset_of_last(&scene).await;
    scene.send(&[redriven(one(), until), last_redriven(two(), until)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 4).await;
    consumer.stop(Duration::from_secs(10)).await;

    // The defect is repaired: a record from before still waits, and a second redrive brings all back in order.
    let consumer = start(&scene, Behaviour::default()).await;
    scene.send(&[three()]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 5).await;
    assert_eq!(effects(&scene).await, vec![]);
    let until = offset_of_last(&scene).await;
    scene.send(&[redriven(one(), until)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 6).await;
    // Whoever takes the partition over knows that it failed.
    consumer.stop(Duration::from_secs(10)).await;
    let consumer = start(&scene, Behaviour::default()).await;
    scene.send(&[redriven(two(), until)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 7).await;
    assert_eq!(effects(&scene).await, vec![], "what was redriven behind a record that failed again was taken");
    scene.send(&[last_redriven(three(), until)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 8).await;
    let until = offset_of_last(&scene).await;
    let again = [redriven(record(&scene, key, 1), until), redriven(two(), until), last_redriven(three(), until)];
    scene.send(&again).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(key, 1), (key, 2), (key, 3)]).await;
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_while_a_redrive_is_on_its_way_is_not_overtaken() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let key = Uuid::from_u128(7);
    scene.send(&[broken(record(&scene, key, 1)), record(&scene, key, 2)]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 2).await;

    // The redrive has read both when a third comes.
    let until = offset_of_last(&scene).await;
    scene.send(&[record(&scene, key, 3)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 3).await;
    scene.send(&[redriven(record(&scene, key, 1), until), last_redriven(record(&scene, key, 2), until)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(key, 1), (key, 2)]).await;
    scene.send(&[record(&scene, key, 4)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 4).await;

    let until = offset_of_last(&scene).await;
    scene.send(&[redriven(record(&scene, key, 3), until), last_redriven(record(&scene, key, 4), until)]).await;
    scene.send(&[record(&scene, key, 5)]).await;
    let all: Vec<(Uuid, i64)> = (1..=5).map(|version| (key, version)).collect();
    eventually(Duration::from_secs(30), async || effects(&scene).await == all).await;
    assert_eq!(scene.read(LETTERS).await.len(), 4);
    consumer.stop(Duration::from_secs(10)).await;
}

/// The offset, on its topic, of the newest record that is a dead letter.
async fn offset_of_last(scene: &Scene) -> i64 {
    let letters = scene.read(LETTERS).await;
    letters.iter().map(|letter| letter.header(header::OFFSET).unwrap().parse::<i64>().unwrap()).max().unwrap()
}

/// The record that frees a key for `group`, as a discard writes it.
fn freeing(scene: &Scene, key: Uuid, group: &str) -> Outgoing {
    let mut freeing = record(scene, key, 0);
    freeing.headers = vec![];
    freeing.payload = None;
    let freeing = with_header(freeing, header::REDRIVE, group);
    with_header(with_header(freeing, header::UNPARK, "true"), header::DISCARD, "true")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_records_key_is_free_and_what_waited_behind_it_had_its_effects() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    let (followed, alone) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut no_key = broken(record(&scene, alone, 1));
    no_key.key = Some(b"no id".to_vec());
    scene.send(&[broken(record(&scene, followed, 1)), broken(record(&scene, alone, 1)), no_key]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 3).await;
    // What another group discards frees nothing here.
    scene.send(&[freeing(&scene, followed, "notifier")]).await;
    scene.send(&[record(&scene, followed, 2), record(&scene, followed, 3)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 5).await;

    let selection = operations::Selection { group: "order".to_owned(), topic: None };
    let kafka = scene.messaging_of("cyberctl");
    let settled = operations::discard(&kafka, &selection, Duration::from_secs(30)).await.unwrap();
    assert_eq!((settled.discarded, settled.records, settled.keys, settled.taken), (3, 2, 1, true), "{settled:?}");
    assert_eq!(effects(&scene).await, vec![(followed, 2), (followed, 3)]);
    scene.send(&[record(&scene, followed, 4), record(&scene, alone, 2)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 4).await;
    assert_eq!(scene.read(LETTERS).await.len(), 5, "a key was still parked");
    assert!(operations::dead_letters(&kafka, &selection, false, 100).await.unwrap().is_empty());
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_tried_again_does_not_free_a_key_that_it_has_parked_meanwhile() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    // Of one partition, so that one poll gives what belongs to both.
    let (bad, good) = (Uuid::from_u128(5), Uuid::from_u128(9));
    scene.send(&[broken(record(&scene, bad, 1))]).await;
    let consumer = start(&scene, Behaviour::default()).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 1).await;
    consumer.stop(Duration::from_secs(10)).await;

    // The key is freed, parked again by a record that is impossible, and then the batch fails for a time.
    scene.send(&[freeing(&scene, bad, "order"), record(&scene, bad, 2), record(&scene, good, 1)]).await;
    let behaviour = Behaviour { impossible: Some(bad), transient: AtomicU32::new(2), ..Behaviour::default() };
    let consumer = start(&scene, behaviour).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(good, 1)]).await;
    let behind = record(&scene, bad, 3);
    scene.send(std::slice::from_ref(&behind)).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() >= 3).await;
    assert_eq!(told(&scene.read(LETTERS).await)[2], (id_of(&behind), "parked".to_owned()));
    let partitions: Vec<i32> = scene.read("order.order.v1").await.iter().map(|record| record.partition).collect();
    assert!(partitions.iter().all(|partition| *partition == partitions[0]), "{partitions:?}");
    consumer.stop(Duration::from_secs(10)).await;
}
