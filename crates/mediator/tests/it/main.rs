//! The pipeline against a real PostgreSQL: permissions, one effect per key, callers that go away,
//! transactions that collide.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod groups;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::{Permission, Role};
use contracts::Channel;
use contracts::catalog::StockEvent;
use contracts::order::{Cancelled, Cause, OrderEvent};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use kernel::OrderId;
use mediator::{
    Class, Classified, Command, IdempotencyKey, Mediator, Once, Platform, Query, ReadConn, Scope, SendError, Tenant, Tx,
};
use persistence::{Database, Observers, statement};
use serde::Serialize;
use testkit::{Scene, eventually};
use uuid::Uuid;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

#[derive(Debug, thiserror::Error)]
enum NoteError {
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    #[error("refused, as the test wants")]
    Refused,
}

impl Classified for NoteError {
    fn class(&self) -> Class {
        match self {
            NoteError::Storage(error) => error.class(),
            NoteError::Refused => Class::Refused,
        }
    }
}

#[derive(Clone, Default)]
struct WriteNote {
    text: String,
    pause: Duration,
    refuse: bool,
    collisions: Arc<AtomicU32>,
    started: Arc<AtomicU32>,
}

#[derive(Debug, Serialize)]
struct Written {
    id: Uuid,
    text: String,
}

impl Command for WriteNote {
    const NAME: &'static str = "order.write-note";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = Written;
    type Error = NoteError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Written, NoteError> {
        self.started.fetch_add(1, Ordering::SeqCst);
        let id = Uuid::now_v7();
        let organisation = tx.organisation().uuid();
        statement("insert into notes (org_id, id, text) values ($1, $2, $3)")
            .bind::<SqlUuid, _>(organisation)
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(&self.text)
            .execute(tx.connection())
            .await
            .map_err(persistence::Error::from)?;
        tokio::time::sleep(self.pause).await;
        if self.refuse {
            return Err(NoteError::Refused);
        }
        let left = self.collisions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(NoteError::Storage(persistence::Error::Collision("as the test wants".to_owned())));
        }
        Ok(Written { id, text: self.text.clone() })
    }
}

/// Another way to write a note.
struct WriteNoteElsewhere(WriteNote);

impl Command for WriteNoteElsewhere {
    const NAME: &'static str = "order.write-note-elsewhere";
    const RECORDED_AS: &'static str = WriteNote::NAME;
    const REQUIRES: Permission = WriteNote::REQUIRES;
    type Tenancy = Tenant;
    type Reply = Written;
    type Error = NoteError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Written, NoteError> {
        Command::execute(&self.0, tx).await
    }
}

struct CountNotes;

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    notes: i64,
}

impl Query for CountNotes {
    const NAME: &'static str = "order.count-notes";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = i64;
    type Error = NoteError;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<i64, NoteError> {
        let row: CountRow = statement("select count(*) as notes from notes")
            .get_result(read.connection())
            .await
            .map_err(persistence::Error::from)?;
        Ok(row.notes)
    }
}

fn note(text: &str) -> WriteNote {
    WriteNote { text: text.to_owned(), ..WriteNote::default() }
}

fn once(key: &str, body: &str) -> Once {
    Once { key: IdempotencyKey::parse(key).unwrap(), request_digest: Once::digest(&[body.as_bytes()]) }
}

async fn scene() -> Scene {
    Scene::of("order", MIGRATIONS).connections(20).build().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_permission_changes_and_sees_nothing() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let viewer = scene.scope(&[Role::Viewer]);
    let refused = mediator.send(&viewer, note("x")).await.unwrap_err();
    assert!(matches!(refused, SendError::Forbidden { permission: Permission::OrderWrite }), "{refused}");
    assert_eq!(mediator.ask(&viewer, CountNotes).await.unwrap(), 0);
    let shopper = scene.shopper();
    assert!(matches!(mediator.ask(&shopper, CountNotes).await, Err(SendError::Forbidden { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_repeats_at_once_have_one_effect_and_the_same_bytes() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let scope = scene.scope(&[Role::Owner]);
    let mut repeats = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (mediator, scope) = (mediator.clone(), scope.clone());
        repeats.spawn(async move { mediator.send_once(&scope, once("key-1", "body"), note("x")).await.unwrap() });
    }
    let replies = repeats.join_all().await;
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.reply.is_some()).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));

    let other = mediator.send_once(&scope, once("key-1", "another body"), note("y")).await.unwrap_err();
    assert!(matches!(other, SendError::KeyReused), "{other}");
    mediator.send_once(&scope, once("key-2", "body"), note("x")).await.unwrap();
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_good_for_one_way_to_a_thing_is_refused_by_the_other() {
    let scene = scene().await;
    let (mediator, scope) = (scene.mediator(), scene.scope(&[Role::Owner]));
    mediator.send_once(&scope, once("one", "here"), note("x")).await.unwrap();
    let other = mediator.send_once(&scope, once("one", "elsewhere"), WriteNoteElsewhere(note("x"))).await.unwrap_err();
    assert!(matches!(other, SendError::KeyReused), "{other}");
    mediator.send_once(&scope, once("two", "elsewhere"), WriteNoteElsewhere(note("x"))).await.unwrap();
    let other = mediator.send_once(&scope, once("two", "here"), note("x")).await.unwrap_err();
    assert!(matches!(other, SendError::KeyReused), "{other}");
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_recorded_and_a_recorded_reply_outlives_a_later_refusal() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let scope = scene.scope(&[Role::Owner]);
    let refusing = WriteNote { refuse: true, ..note("x") };
    assert!(matches!(
        mediator.send_once(&scope, once("key", "body"), refusing.clone()).await,
        Err(SendError::Failed(NoteError::Refused))
    ));
    let first = mediator.send_once(&scope, once("key", "body"), note("x")).await.unwrap();
    let again = mediator.send_once(&scope, once("key", "body"), refusing).await.unwrap();
    assert!(again.reply.is_none());
    assert_eq!(again.body, first.body);
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_cuts_nothing_in_half() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let scope = scene.scope(&[Role::Owner]);
    let command = WriteNote { pause: Duration::from_millis(200), ..note("x") };
    let started = Arc::clone(&command.started);
    let sending = tokio::spawn({
        let (mediator, scope) = (mediator.clone(), scope.clone());
        async move { mediator.send(&scope, command).await }
    });
    let begun = |count: &AtomicU32| count.load(Ordering::SeqCst);
    eventually(Duration::from_secs(10), async || begun(&started) == 1).await;
    sending.abort();
    eventually(Duration::from_secs(10), async || mediator.ask(&scope, CountNotes).await.unwrap() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_collided_runs_again_and_leaves_one_effect() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let scope = scene.scope(&[Role::Owner]);
    let command = WriteNote { collisions: Arc::new(AtomicU32::new(3)), ..note("x") };
    mediator.send(&scope, command.clone()).await.unwrap();
    let begun = |count: &AtomicU32| count.load(Ordering::SeqCst);
    assert_eq!(begun(&command.started), 4);
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 1);

    let hopeless = WriteNote { collisions: Arc::new(AtomicU32::new(1000)), ..note("x") };
    assert!(mediator.send(&scope, hopeless).await.is_err());
    assert_eq!(mediator.ask(&scope, CountNotes).await.unwrap(), 1);
}

/// Writes what belongs to no organisation, and says so on a topic.
#[derive(Clone, Default)]
struct NoteOnPlatform {
    text: String,
    refuse: bool,
}

impl Command for NoteOnPlatform {
    const NAME: &'static str = "order.note-on-platform";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = String;
    type Error = NoteError;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<String, NoteError> {
        statement("insert into platform_notes (text) values ($1)")
            .bind::<Text, _>(&self.text)
            .execute(tx.connection())
            .await
            .map_err(persistence::Error::from)?;
        let order = OrderId::new();
        tx.record(1, OrderEvent::Cancelled(Cancelled::new(order, Cause::Deadline)));
        if self.refuse {
            return Err(NoteError::Refused);
        }
        Ok(self.text.clone())
    }
}

/// Asks as the system role for `sql`, one number.
struct CountAsSystem(&'static str);

impl Query for CountAsSystem {
    const NAME: &'static str = "order.count-as-system";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = i64;
    type Error = NoteError;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<i64, NoteError> {
        let row: CountRow = statement(self.0).get_result(read.connection()).await.map_err(persistence::Error::from)?;
        Ok(row.notes)
    }
}

const PLATFORM_NOTES: CountAsSystem = CountAsSystem("select count(*) as notes from platform_notes");

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_command_without_permission_is_refused_and_changes_nothing() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let staff = scene.scope(&[Role::Owner]).caller;
    let shopper = scene.shopper().caller;
    for caller in [staff, shopper, access::Caller::Visitor] {
        let scope = Scope::platform(caller.clone());
        let refused = mediator.send(&scope, NoteOnPlatform::default()).await.unwrap_err();
        assert!(matches!(refused, SendError::Forbidden { permission: Permission::System }), "{caller:?}: {refused}");
        let refused = mediator.ask(&scope, PLATFORM_NOTES).await.unwrap_err();
        assert!(matches!(refused, SendError::Forbidden { .. }), "{caller:?}: {refused}");
    }
    assert_eq!(mediator.ask(&Scope::platform_system("test"), PLATFORM_NOTES).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_an_organisation_acts_in_another_one() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let Scope { caller, .. } = scene.scope(&[Role::Owner]);
    let elsewhere = Scope::of(caller, scene.other_organisation());
    assert!(matches!(mediator.send(&elsewhere, note("x")).await, Err(SendError::Forbidden { .. })));
    assert!(matches!(mediator.ask(&elsewhere, CountNotes).await, Err(SendError::Forbidden { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_sees_the_tables_that_name_it_and_no_organisations_rows() {
    let scene = scene().await;
    let mediator = scene.mediator();
    mediator.send(&scene.scope(&[Role::Owner]), note("x")).await.unwrap();
    let system = Scope::platform_system("test");
    let refused = mediator.ask(&system, CountAsSystem("select count(*) as notes from notes")).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    // Not even where it may write: a query of the platform runs in a read-only transaction.
    let written = "with written as (insert into platform_notes (text) values ('x') returning 1)
                   select count(*) as notes from written";
    let refused = mediator.ask(&system, CountAsSystem(written)).await.unwrap_err();
    assert!(refused.to_string().contains("read-only transaction"), "{refused}");
    mediator.send(&system, NoteOnPlatform { text: "seen".to_owned(), refuse: false }).await.unwrap();
    assert_eq!(mediator.ask(&system, PLATFORM_NOTES).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_command_is_recorded_once_per_key_and_speaks_for_no_organisation() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let system = Scope::platform_system("test");
    let command = NoteOnPlatform { text: "once".to_owned(), refuse: false };
    let mut repeats = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (mediator, system, command) = (mediator.clone(), system.clone(), command.clone());
        repeats.spawn(async move { mediator.send_once(&system, once("key", "body"), command).await.unwrap() });
    }
    let replies = repeats.join_all().await;
    assert_eq!(replies.iter().filter(|reply| reply.reply.is_some()).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == b"\"once\""));
    assert_eq!(mediator.ask(&system, PLATFORM_NOTES).await.unwrap(), 1);

    // The same key in an organisation is another one.
    let written = mediator.send_once(&scene.scope(&[Role::Owner]), once("key", "body"), note("x")).await.unwrap();
    assert!(written.reply.is_some());
    let rows = scene.superuser().await.query("select headers from outbox", &[]).await.unwrap();
    let headers: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(headers.len(), 1, "{headers:?}");
    assert!(!headers[0].contains("ce_organisation"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn observers_hear_of_what_was_committed_and_of_nothing_else() {
    let scene = scene().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    let observers = Observers::default()
        .on::<OrderEvent>(|_| panic!("an observer that panics disturbs nobody"))
        .on::<OrderEvent>(move |committed| {
            noted.lock().unwrap().push((committed.organisation, committed.version, committed.event.event_type()));
        })
        .on::<StockEvent>(|_| unreachable!("nobody records stock here"));
    let mediator = Mediator::new(Database::observed(scene.settings(), observers));
    let system = Scope::platform_system("test");
    let refused = NoteOnPlatform { text: "x".to_owned(), refuse: true };
    assert!(mediator.send(&system, refused).await.is_err());
    assert!(heard.lock().unwrap().is_empty(), "what was rolled back did not happen");
    mediator.send(&system, NoteOnPlatform::default()).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [(None, 1, "order.order.cancelled.v1")]);
    // Refused by the COMMIT itself: executed, recorded, and never committed.
    let deferred = "alter table platform_notes add constraint once unique (text) deferrable initially deferred";
    scene.superuser().await.batch_execute(deferred).await.unwrap();
    assert!(mediator.send(&system, NoteOnPlatform::default()).await.is_err());
    assert_eq!(heard.lock().unwrap().len(), 1, "told before the commit");
}
