//! The relay under concurrent writers, crashes and a second replica: every event once on the topic
//! or more often, never out of order, never lost. And the proof that this test can fail.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use access::Permission;
use contracts::auth::OrganisationState;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use mediator::{Command, Mediator, Tenant, Tx};
use messaging::{Producer, Record, Relay, RelayState, Snapshot};
use testkit::{Scene, Working, eventually};
use uuid::Uuid;

use crate::scenery::{TestError, event, scene, state_of};

const WRITERS: usize = 8;
const EVENTS_PER_WRITER: usize = 100;
const AGGREGATES: u128 = 10;
const KILLS: u32 = 5;

/// Takes a transaction id early, waits, locks its aggregate, counts it up and says so.
pub(crate) struct CountUp {
    pub(crate) aggregate: Uuid,
    pub(crate) wait_seconds: f64,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl Command for CountUp {
    const NAME: &'static str = "order.count-up";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = TestError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), TestError> {
        let organisation = tx.organisation().uuid();
        persistence::statement("select txid_current(), pg_sleep($1)")
            .bind::<Double, _>(self.wait_seconds)
            .execute(tx.connection())
            .await
            .map_err(persistence::Error::from)?;
        let row: VersionRow = persistence::statement(
            "insert into aggregates (org_id, id, version) values ($1, $2, 1)
             on conflict (org_id, id) do update set version = aggregates.version + 1 returning version",
        )
        .bind::<SqlUuid, _>(organisation)
        .bind::<SqlUuid, _>(self.aggregate)
        .get_result(tx.connection())
        .await
        .map_err(persistence::Error::from)?;
        tx.record(row.version, event(self.aggregate));
        Ok(())
    }
}

/// The cursor that every tutorial shows: remembers the highest sequence number it has seen.
const CURSOR: &str = "with next as (
        select sequence, aggregatetype, aggregateid, payload, headers, created_at from outbox
        where sequence > (select position from relay_cursor) and not (aggregatetype = any ($2))
        order by sequence limit $1),
     moved as (
        update relay_cursor set position = greatest(position, (select max(sequence) from next))
        where exists (select from next))
     select * from next order by sequence";

/// Lets many writers write until each has written its part and `enough` is so; how many events they wrote.
async fn write(mediator: Mediator, scene: &Scene, enough: impl Fn() -> bool + Clone + Send + 'static) -> usize {
    let scope = mediator::Scope::system("test", scene.organisation());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..=WRITERS {
        let (mediator, scope, enough) = (mediator.clone(), scope.clone(), enough.clone());
        // The transactions of the last one are open for longer than a relay needs to die and another one to lead.
        let long = writer == WRITERS;
        let part = if long { 2 } else { EVENTS_PER_WRITER };
        writers.spawn(async move {
            let mut written = 0;
            while written < part || !enough() {
                let aggregate =
                    Uuid::from_u128(u128::try_from((writer * 7 + written * 3) % 1000).unwrap() % AGGREGATES + 1);
                let short = f64::from(u32::try_from((writer * 13 + written * 5) % 7).unwrap()) / 1000.0;
                let wait_seconds = if long { 1.0 } else { short };
                mediator.send(&scope, CountUp { aggregate, wait_seconds }).await.unwrap();
                written += 1;
            }
            written
        });
    }
    writers.join_all().await.into_iter().sum()
}

/// Lost events of those that were written, and events that came before an earlier one of their aggregate.
fn faults(records: &[Record], written: usize) -> (usize, usize) {
    let mut seen = HashSet::new();
    let mut latest: BTreeMap<String, i64> = BTreeMap::new();
    let mut inversions = 0;
    let mut distinct = 0;
    for record in records {
        let id = record.header(contracts::header::ID).unwrap().to_owned();
        let version: i64 = record.header(contracts::header::AGGREGATE_VERSION).unwrap().parse().unwrap();
        if !seen.insert(id) {
            continue;
        }
        distinct += 1;
        let before = latest.entry(record.key_text()).or_insert(0);
        inversions += usize::from(version < *before);
        *before = version.max(*before);
    }
    (written - distinct, inversions)
}

/// Makes the way from a sequence number to its commit long, as a slow disk does.
async fn slow_commits(scene: &Scene) {
    scene
        .superuser()
        .await
        .batch_execute(
            "create function slow() returns trigger language plpgsql as
               $$ begin perform pg_sleep(random() * 0.01); return null; end $$;
             create trigger slow after insert on outbox for each statement execute function slow();",
        )
        .await
        .unwrap();
}

fn start(scene: &Scene) -> (RelayState, Working) {
    let relay = Relay::new(scene.database(), Producer::new(&scene.messaging()).unwrap());
    (relay.state(), Working::start(|stop| relay.run(stop)))
}

async fn outbox_rows(scene: &Scene) -> i64 {
    scene.superuser().await.query_one("select count(*) from outbox", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_reordered_by_two_relays_that_are_killed_and_restarted() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    slow_commits(&scene).await;
    let start = || start(&scene);
    let mut relays = vec![start(), start()];

    // Nobody stops writing before the last relay is killed.
    let done = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&done);
    let writing = write(scene.mediator(), &scene, move || AtomicBool::load(&over, Ordering::SeqCst));
    let killing = async {
        let mut killed = 0;
        while killed < KILLS {
            tokio::time::sleep(Duration::from_millis(150)).await;
            if let Some(leader) = relays.iter().position(|(state, _)| state.is_leading()) {
                relays.remove(leader).1.kill();
                relays.push(start());
                killed += 1;
            }
        }
        done.store(true, Ordering::SeqCst);
    };
    let (written, ()) = tokio::join!(writing, killing);

    eventually(Duration::from_secs(60), async || outbox_rows(&scene).await == 0).await;
    let records = scene.read(contracts::topics::ORDER.name).await;
    assert_eq!(faults(&records, written), (0, 0), "(lost, out of order) of {written}, in {} records", records.len());
    for (_, relay) in relays {
        relay.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_a_cursor_fails_the_same_test() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    slow_commits(&scene).await;
    let relay = Relay::new(scene.database(), Producer::new(&scene.messaging()).unwrap()).asking(CURSOR);
    let relay = Working::start(|stop| relay.run(stop));
    let written = write(scene.mediator(), &scene, || true).await;
    // What the cursor has passed by stays in the outbox; what it has not is sent and deleted.
    let superuser = scene.superuser().await;
    let rows = "select count(*) filter (where sequence > position), count(*) filter (where sequence <= position)
                  from outbox, relay_cursor";
    let (lost, sent) = eventually(Duration::from_secs(30), async || {
        let row = superuser.query_one(rows, &[]).await.unwrap();
        let (ahead, passed_by): (i64, i64) = (row.get(0), row.get(1));
        let records = scene.read(contracts::topics::ORDER.name).await;
        let (lost, _) = faults(&records, written);
        let told = usize::try_from(passed_by) == Ok(lost) && ahead == 0;
        if told { Ok((lost, written - lost)) } else { Err((ahead, passed_by, lost)) }
    })
    .await;
    assert!(sent > written / 2, "only {sent} of {written} were sent, so this is no relay at all");
    assert!(lost > 0, "the cursor lost nothing, so the test above proves nothing");
    relay.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_broker_never_takes_parks_its_aggregate_and_the_others_go_on() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    let (stuck, free) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mediator = scene.mediator();
    let scope = mediator::Scope::system("test", scene.organisation());
    for aggregate in [stuck, free] {
        mediator.send(&scope, CountUp { aggregate, wait_seconds: 0.0 }).await.unwrap();
    }
    let superuser = scene.superuser().await;
    superuser
        .batch_execute(&format!("update outbox set payload = repeat('x', 2000000) where aggregateid = '{stuck}'"))
        .await
        .unwrap();
    let (_, relay) = start(&scene);
    mediator.send(&scope, CountUp { aggregate: stuck, wait_seconds: 0.0 }).await.unwrap();
    mediator.send(&scope, CountUp { aggregate: free, wait_seconds: 0.0 }).await.unwrap();
    eventually(Duration::from_secs(20), async || {
        let rows: Vec<String> = superuser
            .query("select aggregateid from outbox", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        rows == vec![stuck.to_string(), stuck.to_string()]
    })
    .await;
    let keys: Vec<String> = scene.read(contracts::topics::ORDER.name).await.iter().map(Record::key_text).collect();
    assert_eq!(keys, vec![free.to_string(), free.to_string()]);
    let parked: i64 = superuser.query_one("select count(*) from outbox_parked", &[]).await.unwrap().get(0);
    assert_eq!(parked, 1);
    relay.stop(Duration::from_secs(5)).await;
}

/// Says what its organisation is like now.
struct Describe {
    version: i64,
}

impl Command for Describe {
    const NAME: &'static str = "order.describe";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = TestError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), TestError> {
        let state = state_of(tx.organisation(), self.version);
        tx.record(self.version, state);
        Ok(())
    }
}

/// The versions of the organisation's snapshots in the order of the topic, as its readers see it.
async fn snapshots(scene: &Scene) -> Vec<i64> {
    let records = scene.read(contracts::topics::ORGANISATION.name).await;
    let version = |record: &Record| record.header(contracts::header::AGGREGATE_VERSION).unwrap().parse().unwrap();
    records.iter().map(version).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_stopped_across_a_takeover_leaves_no_old_snapshot_behind_a_newer_one() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORGANISATION]).await;
    let mediator = scene.mediator();
    let scope = mediator::Scope::system("test", scene.organisation());
    let describe = async |version| mediator.send(&scope, Describe { version }).await.unwrap();

    let (stopped, is_stopped) = mpsc::channel();
    let (wake, is_woken) = mpsc::channel::<()>();
    let (armed, is_woken) = (Arc::new(AtomicBool::new(false)), Mutex::new(is_woken));
    let fuse = Arc::clone(&armed);
    let relay = Relay::new(scene.database(), Producer::new(&scene.messaging()).unwrap()).before_sending(move || {
        if fuse.swap(false, Ordering::SeqCst) {
            stopped.send(()).unwrap();
            tokio::task::block_in_place(|| is_woken.lock().unwrap().recv().unwrap());
        }
    });
    let first_state = relay.state();
    let first = Working::start(|stop| relay.run(stop));
    describe(1).await;
    eventually(Duration::from_secs(20), async || snapshots(&scene).await == [1]).await;

    // The first relay has read the second snapshot and is stopped before it sends it, as by SIGSTOP.
    armed.store(true, Ordering::SeqCst);
    describe(2).await;
    tokio::task::spawn_blocking(move || is_stopped.recv_timeout(Duration::from_secs(20)).unwrap()).await.unwrap();
    let lock = "select count(pg_terminate_backend(pid)) from pg_locks join pg_database on pg_database.oid = database
                 where locktype = 'advisory' and granted and datname = current_database()";
    let cut: i64 = scene.superuser().await.query_one(lock, &[]).await.unwrap().get(0);
    assert_eq!(cut, 1, "one relay leads");
    let (_, second) = start(&scene);
    describe(3).await;
    eventually(Duration::from_secs(20), async || snapshots(&scene).await.ends_with(&[3])).await;

    wake.send(()).unwrap();
    // It notices by itself that it no longer leads.
    eventually(Duration::from_secs(20), async || !first_state.is_leading()).await;
    describe(4).await;
    eventually(Duration::from_secs(20), async || snapshots(&scene).await.ends_with(&[4])).await;
    let seen = snapshots(&scene).await;
    assert!(seen.is_sorted(), "{seen:?}: the first relay wrote when the second one led");

    let rebuilt = Mutex::new(Vec::new());
    let take = |batch: Vec<Snapshot<OrganisationState>>| {
        rebuilt.lock().unwrap().extend(batch.iter().map(|snapshot| snapshot.version));
        async { Ok::<_, TestError>(()) }
    };
    messaging::replay(&scene.messaging(), take).await.unwrap();
    assert_eq!(*rebuilt.lock().unwrap(), [4]);
    for relay in [first, second] {
        relay.stop(Duration::from_secs(5)).await;
    }
}
