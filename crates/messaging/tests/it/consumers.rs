//! The consumer when records come twice, when it dies between commit and offset, when a second
//! member joins in the middle of a batch, when the database is in the way: the same tables each time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::auth::OrganisationState;
use contracts::order::OrderEvent;
use kernel::OrganisationId;
use messaging::{Outgoing, Snapshot, Subscriptions};
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::scenery::{Behaviour, Keep, Member, TakeEffect, effects, event, organisation_state, record, scene};

fn subscriptions(behaviour: &Arc<Behaviour>) -> Subscriptions {
    let behaviour = Arc::clone(behaviour);
    Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) })
}

async fn start(scene: &Scene, subscriptions: Subscriptions) -> Member {
    let settings = scene.messaging();
    Member::join(settings, scene.mediator(), subscriptions).await
}

/// `aggregates` × `versions` records, aggregates interleaved.
pub(crate) fn history(scene: &Scene, aggregates: u128, versions: i64) -> Vec<Outgoing> {
    history_of(&[scene.organisation()], aggregates, versions)
}

/// The same, the aggregates in turns those of several organisations.
fn history_of(organisations: &[OrganisationId], aggregates: u128, versions: i64) -> Vec<Outgoing> {
    (1..=versions)
        .flat_map(|version| (1..=aggregates).map(move |aggregate| (aggregate, version)))
        .zip(organisations.iter().cycle())
        .map(|((aggregate, version), organisation)| {
            testkit::publish(Some(*organisation), version, &event(Uuid::from_u128(aggregate)))
        })
        .collect()
}

/// Each event once, and the versions of each aggregate in order.
pub(crate) fn assert_once_and_in_order(effects: &[(Uuid, i64)], aggregates: u128, versions: i64) {
    let mut by_aggregate: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
    for (aggregate, version) in effects {
        by_aggregate.entry(*aggregate).or_default().push(*version);
    }
    assert_eq!(u128::try_from(by_aggregate.len()).unwrap(), aggregates);
    for (aggregate, seen) in by_aggregate {
        assert_eq!(seen, (1..=versions).collect::<Vec<_>>(), "of {aggregate}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_twice_has_effects_once() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let behaviour = Arc::new(Behaviour::default());
    let once = history(&scene, 20, 5);
    let twice: Vec<Outgoing> = once.iter().chain(&once).cloned().collect();
    scene.send(&twice).await;
    let consumer = start(&scene, subscriptions(&behaviour)).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() >= 100).await;
    // The duplicates are behind the originals in each partition; one more record per partition marks the end.
    let marks: Vec<Outgoing> = (100..160).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), 1)).collect();
    scene.send(&marks).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() >= 160).await;
    let first: Vec<_> = effects(&scene).await.into_iter().filter(|(id, _)| id.as_u128() <= 20).collect();
    assert_once_and_in_order(&first, 20, 5);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_flood_every_record_has_its_effect() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    // More than a look at the client, a transaction or a lane takes at once, and all of it is there from the beginning.
    scene.send(&history(&scene, 50, 60)).await;
    let behaviour = Arc::new(Behaviour::default());
    let consumer = start(&scene, subscriptions(&behaviour)).await;
    let counted = "select count(*) from effects";
    let superuser = scene.superuser().await;
    eventually(Duration::from_secs(60), async || {
        let rows: i64 = superuser.query_one(counted, &[]).await.unwrap().get(0);
        if rows >= 3_000 { Ok(()) } else { Err(rows) }
    })
    .await;
    assert_once_and_in_order(&effects(&scene).await, 50, 60);
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_dies_between_commit_and_offset_leaves_the_same_tables() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    // A batch is about several organisations at once: 20 aggregates are shared out among four of them.
    let organisations: Vec<OrganisationId> = (0..4).map(|_| OrganisationId::new()).collect();
    scene.send(&history_of(&organisations, 20, 5)).await;
    let behaviour = Arc::new(Behaviour::default());
    let mut deaths = 0;
    // Dies after the commit and before the offset is stored, over and over.
    while deaths < 3 {
        let armed = Arc::new(AtomicBool::new(true));
        let fuse = Arc::clone(&armed);
        let deadly = subscriptions(&behaviour).between_commit_and_offset(move || {
            assert!(!fuse.swap(false, Ordering::SeqCst), "killed between commit and offset, as the test wants");
        });
        let consumer = start(&scene, deadly).await;
        eventually(Duration::from_secs(30), async || consumer.has_ended()).await;
        deaths += 1;
    }
    let consumer = start(&scene, subscriptions(&behaviour)).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() >= 100).await;
    scene.send(&[record(&scene, Uuid::from_u128(1000), 1)]).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.iter().any(|(id, _)| id.as_u128() == 1000))
        .await;
    let rest: Vec<_> = effects(&scene).await.into_iter().filter(|(id, _)| id.as_u128() <= 20).collect();
    assert_once_and_in_order(&rest, 20, 5);
    let owners = "select count(distinct org_id), count(distinct (org_id, aggregate)) from effects where version <= 5";
    let owners = scene.superuser().await.query_one(owners, &[]).await.unwrap();
    assert_eq!((owners.get::<_, i64>(0), owners.get::<_, i64>(1)), (5, 21), "each row is its own organisation's");
    let commands = behaviour.ran.load(Ordering::SeqCst);
    assert!(commands < 20, "{commands} commands for 101 records: the organisations did not share their batches");
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_that_joins_in_the_middle_of_a_batch_changes_nothing() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    scene.send(&history(&scene, 30, 4)).await;
    let slow = Arc::new(Behaviour { delay: Duration::from_secs(3), ..Behaviour::default() });
    let counts = || (slow.begun.load(Ordering::SeqCst), slow.ran.load(Ordering::SeqCst));
    let first = start(&scene, subscriptions(&slow)).await;
    eventually(Duration::from_secs(30), async || counts().0 == 1).await;
    // Left for the next batch of the first member, and for the second one.
    let more: Vec<_> = (1..=30).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), 5)).collect();
    scene.send(&more).await;
    let quick = Arc::new(Behaviour::default());
    let second = start(&scene, subscriptions(&quick)).await;
    assert_eq!(counts(), (1, 0), "the second member did not come in the middle of a batch");
    eventually(Duration::from_secs(30), async || quick.begun.load(Ordering::SeqCst) > 0).await;
    // The first member gives partitions away between two batches, never in the middle of one.
    assert!(counts().1 > 0, "the second member was given what the first one had in hand");
    eventually(Duration::from_secs(30), async || counts().0 > 1).await;
    eventually(Duration::from_secs(60), async || effects(&scene).await.len() >= 150).await;
    first.stop(Duration::from_secs(10)).await;
    second.stop(Duration::from_secs(10)).await;
    // Rows of two members interleave in the table, but each aggregate's stand in the order of its versions.
    assert_once_and_in_order(&effects(&scene).await, 30, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_blocks_and_loses_nothing() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let behaviour = Arc::new(Behaviour { transient: AtomicU32::new(4), ..Behaviour::default() });
    let consumer = start(&scene, subscriptions(&behaviour)).await;
    scene.send(&history(&scene, 20, 5)).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() >= 100).await;
    scene
        .send(
            &(6..=10)
                .flat_map(|v| (1..=20).map(move |a| (a, v)))
                .map(|(a, v)| record(&scene, Uuid::from_u128(a), v))
                .collect::<Vec<_>>(),
        )
        .await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() >= 200).await;
    assert_once_and_in_order(&effects(&scene).await, 20, 10);
    assert!(!consumer.state().is_blocked());
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_to_a_blocked_member_lose_nothing() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let quick = Arc::new(Behaviour::default());
    let second = start(&scene, subscriptions(&quick)).await;
    scene.send(&history(&scene, 30, 2)).await;
    eventually(Duration::from_secs(30), async || effects(&scene).await.len() == 60).await;

    // The first member gets half of the partitions and cannot finish what it takes from them.
    let blocked = Arc::new(Behaviour { transient: AtomicU32::new(u32::MAX), ..Behaviour::default() });
    let first = start(&scene, subscriptions(&blocked)).await;
    let mut version = 2;
    eventually(Duration::from_secs(30), async || {
        version += 1;
        let more: Vec<_> = (1..=30).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), version)).collect();
        scene.send(&more).await;
        first.state().is_blocked()
    })
    .await;
    // Then the other half comes to it, with records that nobody has taken yet.
    second.stop(Duration::from_secs(10)).await;
    let done = effects(&scene).await.len();
    for _ in 0..3 {
        version += 1;
        let more: Vec<_> = (1..=30).map(|aggregate| record(&scene, Uuid::from_u128(aggregate), version)).collect();
        scene.send(&more).await;
    }
    assert!(done < 30 * usize::try_from(version).unwrap());
    let tries = blocked.transient.load(Ordering::SeqCst);
    eventually(Duration::from_secs(30), async || tries - blocked.transient.load(Ordering::SeqCst) >= 3).await;
    blocked.transient.store(0, Ordering::SeqCst);
    let expected = 30 * usize::try_from(version).unwrap();
    eventually(Duration::from_secs(60), async || effects(&scene).await.len() >= expected).await;
    assert_once_and_in_order(&effects(&scene).await, 30, version);
    eventually(Duration::from_secs(10), async || !first.state().is_blocked()).await;
    first.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_blocked_holds_up_no_other_one() {
    let scene = scene().await;
    let topics = [contracts::topics::ORDER, contracts::topics::ORGANISATION];
    scene.topics(&topics).await;
    let blocked = Arc::new(AtomicBool::new(true));
    let behaviour = Arc::new(Behaviour::default());
    let gate = Arc::clone(&blocked);
    let both = subscriptions(&behaviour).on_state(move |snapshots: Vec<Snapshot<OrganisationState>>| Keep {
        snapshots,
        refused: -1,
        blocked: Arc::clone(&gate),
    });
    let consumer = start(&scene, both).await;
    let organisation = OrganisationId::new();
    // More than a lane holds, so that its partitions are paused.
    let states: Vec<Outgoing> = (1..=12_000).map(|version| organisation_state(organisation, version)).collect();
    scene.send(&states).await;
    eventually(Duration::from_secs(30), async || consumer.state().is_blocked()).await;
    scene.send(&history(&scene, 20, 5)).await;
    eventually(Duration::from_secs(10), async || effects(&scene).await.len() >= 100).await;
    assert!(consumer.state().is_blocked(), "the other topic was not blocked meanwhile, so this proves nothing");
    assert_once_and_in_order(&effects(&scene).await, 20, 5);

    blocked.store(false, Ordering::SeqCst);
    let newest = "select version from aggregates where id = $1::text::uuid";
    let (superuser, id) = (scene.superuser().await, organisation.uuid().to_string());
    eventually(Duration::from_secs(30), async || {
        superuser.query_opt(newest, &[&id]).await.unwrap().is_some_and(|row| row.get::<_, i64>(0) == 12_000)
    })
    .await;
    consumer.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_hears_once_of_each_fact_that_had_effects_and_after_its_commit() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let records = history(&scene, 3, 2);
    scene.send(&records).await;
    scene.send(&records).await;
    let behaviour = Arc::new(Behaviour { transient: AtomicU32::new(2), ..Behaviour::default() });
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    let observed = subscriptions(&behaviour)
        .observe_events::<OrderEvent>(|_| panic!("an observer that panics disturbs nobody"))
        .observe_events::<OrderEvent>(move |delivered| {
            let heard = delivered.iter().map(|one| (one.envelope.subject, one.envelope.aggregate_version));
            noted.lock().unwrap().extend(heard);
        });
    let consumer = start(&scene, observed).await;
    let last = record(&scene, Uuid::from_u128(1000), 1);
    scene.send(&[last]).await;
    eventually(Duration::from_secs(30), async || {
        heard.lock().unwrap().iter().any(|(aggregate, _)| aggregate.as_u128() == 1000)
    })
    .await;
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard, effects(&scene).await, "each once, in the order of the effects, however often a batch was tried");
    consumer.stop(Duration::from_secs(10)).await;
}
