//! Bringing back what cannot be read: it fails again once and not in a circle, it is nobody else's, and it is whole.

use std::sync::Arc;
use std::time::Duration;

use contracts::auth::OrganisationState;
use contracts::topics::{ORDER, ORGANISATION};
use kernel::OrganisationId;
use messaging::{Outgoing, Settings, Snapshot, Subscriptions, dead_letter_header as header, operations};
use rdkafka::producer::{FutureProducer, FutureRecord};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{Behaviour, Keep, Member, TakeEffect, effects, organisation_state, record, scene};

const PATIENCE: Duration = Duration::from_secs(30);

/// A group that reads facts and state.
async fn group(scene: &Scene, settings: Settings, name: &'static str) -> Member {
    let behaviour = Arc::new(Behaviour::default());
    let subscriptions = Subscriptions::new(name)
        .on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) })
        .on_state(|snapshots: Vec<Snapshot<OrganisationState>>| Keep {
            snapshots,
            refused: -1,
            blocked: Arc::default(),
        });
    Member::join(settings, scene.mediator(), subscriptions).await
}

/// What somebody writes by hand: no headers, no id, no JSON.
fn scribble(topic: &str) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        key: Some(b"prod_one".to_vec()),
        payload: Some(b"more".to_vec()),
        headers: vec![],
    }
}

async fn letters(scene: &Scene, topic: &str, group: &str) -> usize {
    scene.read(&format!("{topic}.dlq.{group}")).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_an_id_that_fails_again_is_reported_once_and_troubles_no_other_group() {
    let scene = scene().await;
    scene.topics(&[ORDER, ORGANISATION]).await;
    let order = group(&scene, scene.messaging(), "order").await;
    let catalog = group(&scene, scene.messaging_of("catalog"), "catalog").await;
    let kafka = scene.messaging_of("cyberctl");
    for topic in [ORGANISATION.name, ORDER.name] {
        scene.send(&[scribble(topic)]).await;
        for group in ["order", "catalog"] {
            eventually(PATIENCE, async || letters(&scene, topic, group).await == 1).await;
        }
        let selection = operations::Selection { group: "order".to_owned(), topic: Some(topic.to_owned()) };
        let redriven = operations::redrive(&kafka, &selection, PATIENCE).await.unwrap();
        assert_eq!((redriven.records, redriven.failed_again, redriven.taken), (1, 1, true), "{topic}: {redriven:?}");
        assert_eq!(letters(&scene, topic, "order").await, 2, "{topic}: the record, and its copy");
        let pending = operations::dead_letters(&kafka, &selection, false, 100).await.unwrap();
        assert_eq!(pending.len(), 1, "{topic}: {pending:?}");
        let records = scene.read(topic).await;
        assert_eq!(records.len(), 2, "{topic}: {records:?}");
        // What comes behind the copy has been read, and so has the copy.
        let origin = format!("{topic}/{}/0", records[0].partition);
        assert_eq!(records[1].header(header::FROM), Some(origin.as_str()));
        let died_again = scene.read(&format!("{topic}.dlq.order")).await.pop().unwrap();
        assert_eq!(died_again.header(header::FROM), Some(origin.as_str()), "where it stood first stays known");
        assert_eq!(died_again.header(header::OFFSET), Some("1"));
    }
    eventually(PATIENCE, async || {
        let topics = operations::topics(&kafka, &[]).await.unwrap();
        let lags = topics.into_iter().flat_map(|topic| topic.groups).filter(|group| group.group == "catalog");
        lags.map(|group| group.lag).sum::<i64>() == 0
    })
    .await;
    for topic in [ORGANISATION.name, ORDER.name] {
        assert_eq!(letters(&scene, topic, "catalog").await, 1, "{topic}: another group's redrive is not catalog's");
    }
    order.stop(PATIENCE).await;
    catalog.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_came_back_for_another_group_does_not_count_as_replaced() {
    let scene = scene().await;
    scene.topics(&[ORGANISATION]).await;
    let refusing = |settings: Settings, name: &'static str| {
        let subscriptions = Subscriptions::new(name).on_state(|snapshots: Vec<Snapshot<OrganisationState>>| Keep {
            snapshots,
            refused: 1,
            blocked: Arc::default(),
        });
        Member::join(settings, scene.mediator(), subscriptions)
    };
    let order = refusing(scene.messaging(), "order").await;
    let catalog = refusing(scene.messaging_of("catalog"), "catalog").await;
    let organisation = OrganisationId::new();
    scene.send(&[organisation_state(organisation, 1)]).await;
    for group in ["order", "catalog"] {
        eventually(PATIENCE, async || letters(&scene, ORGANISATION.name, group).await == 1).await;
    }
    let kafka = scene.messaging_of("cyberctl");
    let of = |group: &str| operations::Selection { group: group.to_owned(), topic: None };
    let redriven = operations::redrive(&kafka, &of("catalog"), PATIENCE).await.unwrap();
    assert_eq!((redriven.records, redriven.failed_again), (1, 1), "{redriven:?}");
    order.stop(PATIENCE).await;
    catalog.stop(PATIENCE).await;
    assert_eq!(letters(&scene, ORGANISATION.name, "order").await, 1);

    // The defect of one of them is mended.
    let order = group(&scene, scene.messaging(), "order").await;
    let redriven = operations::redrive(&kafka, &of("order"), PATIENCE).await.unwrap();
    assert!(redriven.records > 0 && redriven.replaced == 0 && redriven.taken, "{redriven:?}");
    let kept = "select count(*) from aggregates where version = 1";
    assert_eq!(scene.superuser().await.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 1);
    order.stop(PATIENCE).await;
}

/// What a stranger sends, who does not keep our limit.
async fn send_large(scene: &Scene, key: Uuid, bytes: usize) {
    let settings = scene.messaging_of("stranger");
    let producer: FutureProducer = settings.client().set("message.max.bytes", "1000012").create().unwrap();
    let topic = settings.topic_name(ORDER.name);
    let (key, payload) = (key.to_string(), vec![b'x'; bytes]);
    let record = FutureRecord::to(&topic).key(&key).payload(&payload);
    producer.send(record, PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_record_that_is_too_large_for_a_dead_letter_the_head_is_set_aside_and_it_comes_back_whole_if_it_can() {
    let scene = scene().await;
    scene.topics(&[ORDER]).await;
    let order = group(&scene, scene.messaging(), "order").await;
    let (large, largest, good) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    send_large(&scene, large, 999_600).await;
    eventually(PATIENCE, async || letters(&scene, ORDER.name, "order").await == 1).await;
    let kafka = scene.messaging_of("cyberctl");
    let selection = operations::Selection { group: "order".to_owned(), topic: None };
    let told = operations::dead_letters(&kafka, &selection, false, 10).await.unwrap().pop().unwrap();
    assert_eq!((told.cut, told.payload.as_ref().map(String::len)), (Some(999_636), Some(65_536)));
    let place = format!("partition {}, offset 0", told.origin_partition.unwrap());
    assert!(told.error.contains("999636 bytes") && told.error.contains(&place), "{}", told.error);
    assert!(
        told.error.ends_with("has no header \"ce_specversion\""),
        "what is wrong with it besides is said too: {}",
        told.error
    );

    // It lies in its own place, so it comes back whole, and fails again.
    let redriven = operations::redrive(&kafka, &selection, PATIENCE).await.unwrap();
    assert_eq!((redriven.records, redriven.failed_again), (1, 1), "{redriven:?}");
    let records = scene.read(ORDER.name).await;
    assert_eq!(records.len(), 2);
    assert!(records[1].header(header::REDRIVE).is_some() && records[1].payload == records[0].payload);

    send_large(&scene, largest, 999_850).await;
    eventually(PATIENCE, async || letters(&scene, ORDER.name, "order").await == 3).await;
    let refused = operations::redrive(&kafka, &selection, PATIENCE).await.unwrap_err().to_string();
    assert!(refused.contains("dead letter 2 of order") && refused.contains("999886 bytes"), "{refused}");
    assert_eq!(scene.read(ORDER.name).await.len(), 3, "something was brought back before it was refused");
    let given_up = operations::discard(&kafka, &selection, PATIENCE).await.unwrap();
    assert_eq!((given_up.discarded, given_up.records, given_up.taken), (2, 0, true), "{given_up:?}");
    for key in [large, largest, good] {
        scene.send(&[record(&scene, key, 1)]).await;
    }
    eventually(PATIENCE, async || effects(&scene).await.len() == 3).await;
    assert!(!order.state().is_blocked());
    order.stop(PATIENCE).await;
}
