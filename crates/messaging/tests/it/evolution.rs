//! Readers and writers of different versions on one topic: an older reader passes over the types that it does not know,
//! counts them, and takes everything else as if they were not there; a newer reader takes what an older writer says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use contracts::auth::OrganisationState;
use contracts::order::Cause;
use contracts::topics::{ORDER, ORGANISATION};
use contracts::{Channel, Topic, Undecodable};
use kernel::{OrderId, OrganisationId};
use mediator::Mediator;
use messaging::{Delivered, Entry, Outgoing, Snapshot, Subscriptions, Table, dead_letter_header as header, operations};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use persistence::Database;
use serde::{Deserialize, Serialize};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{
    Behaviour, Followed, Member, TakeEffect, TestError, effects, event, organisation_state, record, scene,
};

const LETTERS: &str = "order.order.v1.dlq.order";
const PATIENCE: Duration = Duration::from_secs(30);

/// The orders topic as a later version has it: a new type, and a new field of a type that is known today.
#[derive(Debug, Clone, PartialEq)]
enum NewerOrderEvent {
    Cancelled(NewerCancelled),
    Scanned(Scanned),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NewerCancelled {
    order: OrderId,
    cause: Cause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Scanned {
    order: OrderId,
    carrier: String,
}

const CANCELLED: &str = "order.order.cancelled.v1";
const SCANNED: &str = "order.order.scanned.v1";

impl Channel for NewerOrderEvent {
    const TOPIC: Topic = ORDER;
    const EVENT_TYPES: &'static [&'static str] = &[CANCELLED, SCANNED];

    fn decode(event_type: &str, payload: &[u8]) -> Result<Self, Undecodable> {
        let bad = |event_type| move |cause| Undecodable::BadBody { event_type, cause };
        match event_type {
            CANCELLED => serde_json::from_slice(payload).map(Self::Cancelled).map_err(bad(CANCELLED)),
            SCANNED => serde_json::from_slice(payload).map(Self::Scanned).map_err(bad(SCANNED)),
            other => Err(Undecodable::UnknownType { topic: ORDER.name, event_type: other.to_owned() }),
        }
    }

    fn key(&self) -> Uuid {
        match self {
            Self::Cancelled(cancelled) => cancelled.order.uuid(),
            Self::Scanned(scanned) => scanned.order.uuid(),
        }
    }

    fn event_type(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => CANCELLED,
            Self::Scanned(_) => SCANNED,
        }
    }

    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Cancelled(cancelled) => serde_json::to_vec(cancelled),
            Self::Scanned(scanned) => serde_json::to_vec(scanned),
        }
    }
}

fn cancelled(aggregate: Uuid, note: Option<&str>) -> NewerOrderEvent {
    let (order, note) = (OrderId::from_uuid(aggregate), note.map(str::to_owned));
    NewerOrderEvent::Cancelled(NewerCancelled { order, cause: Cause::Staff, note })
}

fn scanned(aggregate: Uuid) -> NewerOrderEvent {
    NewerOrderEvent::Scanned(Scanned { order: OrderId::from_uuid(aggregate), carrier: "post".to_owned() })
}

fn by_the_newer_writer(scene: &Scene, version: i64, event: &NewerOrderEvent) -> Outgoing {
    testkit::publish(Some(scene.organisation()), version, event)
}

/// The same record with another type.
fn of_type(record: Outgoing, event_type: &str) -> Outgoing {
    with_header(record, contracts::header::TYPE, event_type)
}

fn with_header(mut record: Outgoing, name: &str, value: &str) -> Outgoing {
    record.headers.retain(|(known, _)| known != name);
    record.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    record
}

fn broken(mut record: Outgoing) -> Outgoing {
    record.payload = Some(b"{\"order\":".to_vec());
    record
}

fn older_reader() -> Subscriptions {
    let behaviour = Arc::new(Behaviour::default());
    Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) })
}

async fn start(scene: &Scene, subscriptions: Subscriptions) -> Member {
    start_with(scene, scene.mediator(), subscriptions).await
}

async fn start_with(scene: &Scene, mediator: Mediator, subscriptions: Subscriptions) -> Member {
    measured();
    let settings = scene.messaging();
    Member::join(settings, mediator, subscriptions).await
}

/// Waits until the group's committed offsets are at the end of the topic.
async fn read_to_the_end(scene: &Scene, topic: Topic) {
    let settings = scene.messaging_of("cyberctl");
    eventually(PATIENCE, async || {
        let reports = operations::topics(&settings, contracts::topics::ALL).await.unwrap();
        let report = reports.into_iter().find(|report| report.topic == topic.name).unwrap();
        match report.groups.iter().find(|group| group.group == "order") {
            Some(group) if group.lag == 0 => Ok(()),
            _ => Err(report.groups),
        }
    })
    .await;
}

async fn parked_keys(scene: &Scene) -> i64 {
    scene.superuser().await.query_one("select count(*) from parked_keys", &[]).await.unwrap().get(0)
}

/// The metrics of this process. Tests share them, so each counts a type of its own.
pub(crate) fn measured() -> &'static PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// How many events of this type were passed over.
fn passed_over(topic: Topic, event_type: &str) -> u64 {
    let line = format!("consumer_unknown_events_total{{topic=\"{}\",type=\"{event_type}\"}} ", topic.name);
    let rendered = measured().render();
    rendered.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_reader_takes_what_it_knows_of_a_newer_writer_and_passes_over_the_rest() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let newer = |version, event: &NewerOrderEvent| by_the_newer_writer(&scene, version, event);
    // Of a type that this reader does not know, it assumes neither a body nor an organisation.
    let bare = Outgoing { payload: None, ..testkit::publish(None, 2, &scanned(other)) };
    scene
        .send(&[
            newer(1, &cancelled(one, Some("a field that was added later"))),
            newer(2, &scanned(one)),
            newer(3, &cancelled(one, None)),
            newer(1, &scanned(other)),
            bare,
            newer(3, &cancelled(other, None)),
        ])
        .await;
    let consumer = start(&scene, older_reader()).await;
    read_to_the_end(&scene, ORDER).await;
    let mut taken = effects(&scene).await;
    taken.sort_unstable();
    assert_eq!(taken, vec![(one, 1), (one, 3), (other, 3)]);
    assert!(scene.read(LETTERS).await.is_empty(), "an unknown type became a dead letter");
    assert_eq!(parked_keys(&scene).await, 0);
    assert_eq!(passed_over(ORDER, SCANNED), 3);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_reader_takes_what_an_older_writer_says() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let key = Uuid::from_u128(1);
    // The writer is replaced in between; the reader was before.
    scene.send(&[record(&scene, key, 1), by_the_newer_writer(&scene, 2, &scanned(key))]).await;
    let (behaviour, read) = (Arc::new(Behaviour::default()), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&read);
    let newer_reader = Subscriptions::new("order").on_batch(move |events: Vec<Delivered<NewerOrderEvent>>| {
        noted.lock().unwrap().extend(events.iter().map(|delivered| delivered.event.clone()));
        let known = |it: Delivered<NewerOrderEvent>| Delivered {
            event: event(it.envelope.subject),
            envelope: it.envelope,
            organisation: it.organisation,
            provenance: it.provenance,
        };
        TakeEffect { events: events.into_iter().map(known).collect(), behaviour: Arc::clone(&behaviour) }
    });
    let consumer = start(&scene, newer_reader).await;
    eventually(PATIENCE, async || effects(&scene).await == vec![(key, 1), (key, 2)]).await;
    assert_eq!(*read.lock().unwrap(), vec![cancelled(key, None), scanned(key)]);
    assert!(scene.read(LETTERS).await.is_empty());
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_unknown_types_moves_the_offset_and_needs_no_database() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let event_type = "order.order.repacked.v1";
    let unknown: Vec<Outgoing> =
        (1..=40).map(|key| of_type(record(&scene, Uuid::from_u128(key), 1), event_type)).collect();
    scene.send(&unknown).await;
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
    let unreachable = persistence::Settings { url: nowhere.clone(), system_url: nowhere, ..scene.settings() };
    let consumer = start_with(&scene, Mediator::new(Database::open(unreachable)), older_reader()).await;
    read_to_the_end(&scene, ORDER).await;
    assert!(!consumer.state().is_blocked());
    assert_eq!(passed_over(ORDER, event_type), 40);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_behind_a_dead_letter_does_not_wait_with_its_key() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let (key, event_type) = (Uuid::from_u128(1), "order.order.weighed.v1");
    let unknown = |version| of_type(record(&scene, key, version), event_type);
    scene.send(&[broken(record(&scene, key, 1)), unknown(2), record(&scene, key, 3)]).await;
    let consumer = start(&scene, older_reader()).await;
    eventually(PATIENCE, async || scene.read(LETTERS).await.len() == 2).await;
    // In a later batch its key is parked already.
    scene.send(&[unknown(4), record(&scene, key, 5)]).await;
    eventually(PATIENCE, async || scene.read(LETTERS).await.len() == 3).await;
    let letters = scene.read(LETTERS).await;
    let versions: Vec<_> =
        letters.iter().map(|letter| letter.header(contracts::header::AGGREGATE_VERSION).unwrap()).collect();
    assert_eq!(versions, ["1", "3", "5"]);
    assert_eq!(passed_over(ORDER, event_type), 2);

    // The first is given up; what waited behind it comes back without those that were passed over.
    let selection = operations::Selection { group: "order".to_owned(), topic: None };
    let settled = operations::discard(&scene.messaging_of("cyberctl"), &selection, PATIENCE).await.unwrap();
    assert_eq!((settled.discarded, settled.records, settled.taken), (1, 2, true), "{settled:?}");
    assert_eq!(effects(&scene).await, vec![(key, 3), (key, 5)]);
    assert_eq!(parked_keys(&scene).await, 0);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_record_of_an_unknown_type_frees_its_key_and_lets_nothing_overtake() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let key = Uuid::from_u128(7);
    let unknown = || of_type(record(&scene, key, 2), "order.order.insured.v1");
    let consumer = start(&scene, older_reader()).await;
    scene.send(&[broken(record(&scene, key, 1))]).await;
    eventually(PATIENCE, async || scene.read(LETTERS).await.len() == 1).await;
    consumer.stop(Duration::from_secs(10)).await;

    // An earlier version of this program made dead letters of unknown types, so one may be the last that comes back. The
    // third record was not part of that redrive, and one poll gives all of them.
    let letter = scene.read(LETTERS).await.remove(0);
    let until = letter.header(header::OFFSET).unwrap().to_owned();
    let redriven = |record| with_header(with_header(record, header::REDRIVE, "order"), header::UNTIL, &until);
    let last = |record| with_header(redriven(record), header::UNPARK, "true");
    scene.send(&[record(&scene, key, 3), redriven(record(&scene, key, 1)), last(unknown())]).await;
    let consumer = start(&scene, older_reader()).await;
    read_to_the_end(&scene, ORDER).await;
    assert_eq!(effects(&scene).await, vec![(key, 1)], "what waited overtook what came back");
    assert_eq!(parked_keys(&scene).await, 1, "more of the key waits by now");

    // Now nothing waits beyond what comes back.
    let letters = scene.read(LETTERS).await;
    assert_eq!(letters.len(), 2);
    let until = letters[1].header(header::OFFSET).unwrap().to_owned();
    let back = |record| with_header(with_header(record, header::REDRIVE, "order"), header::UNTIL, &until);
    let last = with_header(back(unknown()), header::UNPARK, "true");
    consumer.stop(Duration::from_secs(10)).await;
    scene.send(&[back(record(&scene, key, 3)), last, record(&scene, key, 4)]).await;
    let consumer = start(&scene, older_reader()).await;
    eventually(PATIENCE, async || effects(&scene).await == vec![(key, 1), (key, 3), (key, 4)]).await;
    assert_eq!(parked_keys(&scene).await, 0);
    assert_eq!(scene.read(LETTERS).await.len(), 2);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_changes_nothing_in_a_table_and_is_told_apart_by_a_replay() {
    measured();
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let event_type = "auth.organisation.audited.v1";
    let (known, unknown, removed) = (OrganisationId::new(), OrganisationId::new(), OrganisationId::new());
    let of_unknown_type = |organisation, version| of_type(organisation_state(organisation, version), event_type);
    scene
        .send(&[
            organisation_state(known, 1),
            of_unknown_type(known, 9),
            // Not older than anything that this reader knows.
            organisation_state(known, 2),
            of_unknown_type(unknown, 1),
            // Compaction removes the key whatever the type says, and so does a reader.
            Outgoing { payload: None, ..of_unknown_type(removed, 2) },
            broken(organisation_state(unknown, 3)),
        ])
        .await;

    let settings = scene.messaging();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let table = Table::new(&settings, move |entry: Entry<OrganisationState>| {
        noted.lock().unwrap().push((entry.key, entry.version, entry.state.is_some()));
    });
    let table = Followed::to_its_end(table).await;
    let expected = vec![(known.uuid(), 1, true), (known.uuid(), 2, true), (removed.uuid(), 2, false)];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(passed_over(ORGANISATION, event_type), 2);
    table.stop().await;

    let mut versions: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
    let replayed = messaging::replay(&settings, |snapshots: Vec<Snapshot<OrganisationState>>| {
        for snapshot in snapshots {
            versions.entry(snapshot.key).or_default().push(snapshot.version);
        }
        async { Ok::<_, TestError>(()) }
    });
    let replayed = replayed.await.unwrap();
    assert_eq!((replayed.records, replayed.unreadable, replayed.unknown), (6, 1, 2));
    let spoken_of: Vec<Uuid> = replayed.unknown_aggregates.into_values().flatten().collect();
    assert_eq!(spoken_of.len(), 2);
    assert!(spoken_of.contains(&known.uuid()) && spoken_of.contains(&unknown.uuid()));
    assert_eq!(versions, BTreeMap::from([(known.uuid(), vec![2]), (removed.uuid(), vec![2])]));
}
