//! Compacted topics: the end of one is found whatever lies there, a snapshot that is taken again changes nothing, and a
//! redrive never makes an old snapshot the newest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::auth::OrganisationState;
use contracts::topics::ORGANISATION;
use kernel::OrganisationId;
use mediator::Mediator;
use messaging::{Entry, Outgoing, Snapshot, Subscriptions, Table, operations};
use persistence::Database;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{Followed, Keep, Member, TestError, organisation_state, scene};

const LETTERS: &str = "auth.organisation.v1.dlq.order";

/// Writes the records in a transaction, whose mark is an offset that belongs to no record.
async fn send_in_a_transaction(scene: &Scene, records: Vec<Outgoing>) {
    let settings = scene.messaging();
    let mut config = settings.client();
    config.set("transactional.id", format!("{}.test", settings.namespace));
    let patience = Duration::from_secs(20);
    let producer: FutureProducer = config.create().unwrap();
    let producer = tokio::task::spawn_blocking(move || {
        producer.init_transactions(patience).unwrap();
        producer.begin_transaction().unwrap();
        producer
    })
    .await
    .unwrap();
    for record in records {
        let topic = settings.topic_name(&record.topic);
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let key = record.key.unwrap();
        let payload = record.payload.unwrap();
        let outgoing = FutureRecord::to(&topic).headers(headers).key(&key).payload(&payload);
        producer.send(outgoing, patience).await.unwrap();
    }
    tokio::task::spawn_blocking(move || producer.commit_transaction(patience).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_last_offset_is_no_record_is_read_to_its_end() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let (one, other) = (OrganisationId::new(), OrganisationId::new());
    send_in_a_transaction(&scene, vec![organisation_state(one, 1), organisation_state(other, 1)]).await;

    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let settings = scene.messaging();
    let table = Table::new(&settings, move |entry: Entry<OrganisationState>| noted.lock().unwrap().push(entry.key));
    let table = Followed::to_its_end(table).await;
    assert_eq!(*seen.lock().unwrap(), vec![one.uuid(), other.uuid()], "ready before everything was applied");
    table.stop().await;

    let replayed = messaging::replay(&settings, |_: Vec<Snapshot<OrganisationState>>| async { Ok::<_, TestError>(()) });
    assert_eq!(replayed.await.unwrap().records, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_has_taken_everything_has_no_lag_whatever_the_last_offset_is() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let organisation = OrganisationId::new();
    send_in_a_transaction(&scene, vec![organisation_state(organisation, 1)]).await;
    let consumer = start(&scene, subscriptions(-1)).await;
    let settings = scene.messaging_of("cyberctl");
    eventually(Duration::from_secs(20), async || {
        let topics = operations::topics(&settings, contracts::topics::ALL).await.unwrap();
        let topic = topics.into_iter().find(|topic| topic.topic == ORGANISATION.name).unwrap();
        let lags: Vec<(String, i64)> = topic.groups.into_iter().map(|it| (it.group, it.lag)).collect();
        let taken = kept(&scene).await.contains_key(&organisation.uuid());
        let expected = vec![("order".to_owned(), 0)];
        if taken && lags == expected { Ok(()) } else { Err((taken, lags)) }
    })
    .await;
    consumer.stop(Duration::from_secs(10)).await;
}

/// The version that is kept of each key.
async fn kept(scene: &Scene) -> BTreeMap<Uuid, i64> {
    let rows = scene.superuser().await.query("select id::text, version from aggregates", &[]).await.unwrap();
    rows.iter().map(|row| (row.get::<_, String>(0).parse().unwrap(), row.get(1))).collect()
}

fn subscriptions(refused: i64) -> Subscriptions {
    Subscriptions::new("order").on_state(move |snapshots| Keep { snapshots, refused, blocked: Arc::default() })
}

async fn start(scene: &Scene, subscriptions: Subscriptions) -> Member {
    let settings = scene.messaging();
    Member::join(settings, scene.mediator(), subscriptions).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_dies_between_commit_and_offset_keeps_the_newest_snapshot_of_each_key() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let all: Vec<OrganisationId> = (0..20).map(|_| OrganisationId::new()).collect();
    // The newest comes first, as it may when a relay dies.
    let history: Vec<Outgoing> = [3, 1, 2]
        .into_iter()
        .flat_map(|version| all.iter().map(move |one| organisation_state(*one, version)))
        .collect();
    scene.send(&history).await;
    for _ in 0..3 {
        let armed = Arc::new(AtomicBool::new(true));
        let fuse = Arc::clone(&armed);
        let deadly = subscriptions(-1).between_commit_and_offset(move || {
            assert!(!fuse.swap(false, Ordering::SeqCst), "killed between commit and offset, as the test wants");
        });
        let consumer = start(&scene, deadly).await;
        eventually(Duration::from_secs(30), async || consumer.has_ended()).await;
        assert!(!armed.swap(false, Ordering::SeqCst), "it died of something else, before it had taken anything");
    }
    let consumer = start(&scene, subscriptions(-1)).await;
    let mark = OrganisationId::new();
    scene.send(&[organisation_state(mark, 1)]).await;
    eventually(Duration::from_secs(30), async || kept(&scene).await.contains_key(&mark.uuid())).await;
    let newest = all.iter().map(|one| (one.uuid(), 3)).chain([(mark.uuid(), 1)]).collect();
    assert_eq!(kept(&scene).await, newest);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_never_makes_an_old_snapshot_the_newest() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let (moved_on, waiting) = (OrganisationId::new(), OrganisationId::new());
    let consumer = start(&scene, subscriptions(1)).await;
    scene.send(&[organisation_state(moved_on, 1), organisation_state(waiting, 1)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 2).await;
    // As a relay writes it: the topic's last offset is the mark of the transaction.
    send_in_a_transaction(&scene, vec![organisation_state(moved_on, 2)]).await;
    eventually(Duration::from_secs(30), async || kept(&scene).await == BTreeMap::from([(moved_on.uuid(), 2)])).await;
    consumer.stop(Duration::from_secs(10)).await;

    let consumer = start(&scene, subscriptions(-1)).await;
    let selection = operations::Selection { group: "order".to_owned(), topic: None };
    let redriven = operations::redrive(&scene.messaging_of("cyberctl"), &selection, Duration::from_secs(30)).await;
    let redriven = redriven.unwrap();
    assert_eq!((redriven.records, redriven.replaced, redriven.taken), (1, 1, true), "{redriven:?}");
    assert_eq!(kept(&scene).await, BTreeMap::from([(moved_on.uuid(), 2), (waiting.uuid(), 1)]));
    let topic = scene.read(ORGANISATION.name).await;
    let newest = topic.iter().rev().find(|record| record.key_text() == moved_on.uuid().to_string()).unwrap();
    assert_eq!(newest.header(contracts::header::AGGREGATE_VERSION), Some("2"));
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_redriven_for_one_group_is_taken_by_all() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    // Compaction has removed the one that it is a copy of.
    let organisation = OrganisationId::new();
    let mut copy = organisation_state(organisation, 1);
    copy.headers.push((messaging::dead_letter_header::REDRIVE.to_owned(), b"notifier".to_vec()));
    scene.send(&[copy]).await;
    let consumer = start(&scene, subscriptions(-1)).await;
    eventually(Duration::from_secs(30), async || kept(&scene).await == BTreeMap::from([(organisation.uuid(), 1)]))
        .await;
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_may_have_an_observer_alone_and_then_nothing_is_written() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let (one, other) = (OrganisationId::new(), OrganisationId::new());
    scene.send(&[organisation_state(one, 1), organisation_state(one, 2), organisation_state(other, 1)]).await;
    let heard = Arc::new(Mutex::new(BTreeMap::new()));
    let noted = Arc::clone(&heard);
    let subscriptions = Subscriptions::new("order").observe_state::<OrganisationState>(move |snapshots| {
        noted.lock().unwrap().extend(snapshots.iter().map(|one| (one.key, one.version)));
    });
    // A database that cannot be reached: nothing is asked of it.
    let unreachable =
        persistence::Settings { url: "postgres://nobody@127.0.0.1:1/none".to_owned(), ..scene.settings() };
    let mediator = Mediator::new(Database::open(unreachable));
    let consumer = Member::join(scene.messaging(), mediator, subscriptions).await;
    let newest = BTreeMap::from([(one.uuid(), 2), (other.uuid(), 1)]);
    eventually(Duration::from_secs(30), async || *heard.lock().unwrap() == newest).await;
    assert!(!consumer.state().is_blocked());
    consumer.stop(Duration::from_secs(10)).await;
}
