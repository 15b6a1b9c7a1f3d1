//! Compacted topics: the end of one is found whatever lies there, and a redrive never makes an old snapshot the newest.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Permission;
use contracts::auth::OrganisationState;
use contracts::topics::ORGANISATION;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Currency, OrganisationId, Slug};
use mediator::{Class, Command, Tx};
use messaging::{Consumer, Outgoing, Producer, Snapshot, Subscriptions, Table, operations};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use testkit::{Scene, eventually};

use crate::scenery::{TestError, effects, scene};

const LETTERS: &str = "auth.organisation.v1.dlq.order";

fn snapshot(organisation: OrganisationId, version: i64) -> Outgoing {
    let state = OrganisationState {
        organisation,
        slug: Slug::parse("shop").unwrap(),
        name: "Shop".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        active: true,
        version,
    };
    testkit::publish(Some(organisation), version, &state)
}

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
    send_in_a_transaction(&scene, vec![snapshot(one, 1), snapshot(other, 1)]).await;

    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let settings = scene.messaging();
    let table = Table::start::<OrganisationState>(&settings, move |entry| noted.lock().unwrap().push(entry.key)).await;
    let table = table.unwrap();
    eventually(Duration::from_secs(20), async || table.is_ready()).await;
    assert_eq!(*seen.lock().unwrap(), vec![one.uuid(), other.uuid()], "ready before everything was applied");
    table.stop().await;

    let replayed =
        messaging::replay(&settings, |_, _: Vec<Snapshot<OrganisationState>>| async { Ok::<_, TestError>(()) });
    assert_eq!(replayed.await.unwrap().records, 2);
}

/// Writes one effect row per snapshot, and refuses one version.
struct Keep {
    snapshots: Vec<Snapshot<OrganisationState>>,
    refused: i64,
}

impl Command for Keep {
    const NAME: &'static str = "order.keep";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = TestError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), TestError> {
        let organisation = tx.organisation().uuid();
        for snapshot in &self.snapshots {
            if snapshot.version == self.refused {
                return Err(TestError::Wanted(Class::Permanent));
            }
            persistence::statement("insert into effects (org_id, aggregate, version, event) values ($1, $2, $3, $2)")
                .bind::<SqlUuid, _>(organisation)
                .bind::<SqlUuid, _>(snapshot.key)
                .bind::<BigInt, _>(snapshot.version)
                .execute(tx.connection())
                .await
                .map_err(persistence::Error::from)?;
        }
        Ok(())
    }
}

async fn start(scene: &Scene, refused: i64) -> Consumer {
    let subscriptions = Subscriptions::new("order").on_state(move |snapshots| Keep { snapshots, refused });
    let settings = scene.messaging();
    let producer = Producer::new(&settings).unwrap();
    Consumer::start(settings, scene.mediator(), producer, subscriptions).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_never_makes_an_old_snapshot_the_newest() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let (moved_on, waiting) = (OrganisationId::new(), OrganisationId::new());
    let consumer = start(&scene, 1).await;
    scene.send(&[snapshot(moved_on, 1), snapshot(waiting, 1)]).await;
    eventually(Duration::from_secs(30), async || scene.read(LETTERS).await.len() == 2).await;
    scene.send(&[snapshot(moved_on, 2)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(moved_on.uuid(), 2)]).await;
    consumer.stop(Duration::from_secs(10)).await;

    let consumer = start(&scene, -1).await;
    let selection = operations::Selection { group: "order".to_owned(), topic: None };
    let redriven = operations::redrive(&scene.messaging_of("cyberctl"), &selection, Duration::from_secs(30)).await;
    let redriven = redriven.unwrap();
    assert_eq!((redriven.records, redriven.replaced, redriven.taken), (1, 1, true), "{redriven:?}");
    assert_eq!(effects(&scene).await, vec![(moved_on.uuid(), 2), (waiting.uuid(), 1)]);
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
    let mut copy = snapshot(organisation, 1);
    copy.headers.push((messaging::dead_letter_header::REDRIVE.to_owned(), b"notifier".to_vec()));
    scene.send(&[copy]).await;
    let consumer = start(&scene, -1).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await == vec![(organisation.uuid(), 1)]).await;
    consumer.stop(Duration::from_secs(10)).await;
}
