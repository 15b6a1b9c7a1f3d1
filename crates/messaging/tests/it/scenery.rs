//! A service that is one counter: an event in, an effect row out, an event on.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Permission;
use contracts::Channel;
use contracts::auth::OrganisationState;
use contracts::order::{Cancelled, Cause, OrderEvent};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use kernel::{Currency, OrderId, OrganisationId, Slug};
use mediator::{Class, Classified, Command, Mediator, Tenants, Tx};
use messaging::{Consumer, ConsumerState, Delivered, Outgoing, Producer, Settings, Snapshot, Subscriptions, Table};
use testkit::{Scene, Working};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};
use uuid::Uuid;

/// What all tests of this process have logged, debugging left out.
static LOG: Log = Log(Mutex::new(Vec::new()));

struct Log(Mutex<Vec<u8>>);

impl Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How many lines of this level with all these words were logged.
pub(crate) fn logged(level: &str, words: &[&str]) -> usize {
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    let fits = |line: &&str| line.contains(&format!(" {level} ")) && words.iter().all(|word| line.contains(word));
    log.lines().filter(fits).count()
}

/// The schema of this test service.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

/// A scene of the test service with pools that eight writers fit into.
pub(crate) async fn scene() -> Scene {
    // Shown for a test that fails; RUST_LOG chooses.
    let shown = fmt::layer().with_test_writer().with_filter(EnvFilter::from_default_env());
    let kept = fmt::layer().with_ansi(false).with_writer(|| &LOG).with_filter(LevelFilter::INFO);
    let _ = tracing_subscriber::registry().with(shown).with(kept).try_init();
    Scene::of("order", MIGRATIONS).connections(10).build().await
}

/// The simplest event of the orders topic, about one aggregate.
pub(crate) fn event(aggregate: Uuid) -> OrderEvent {
    OrderEvent::Cancelled(Cancelled::new(OrderId::from_uuid(aggregate), Cause::Staff))
}

/// Record number `version` of an aggregate, as a relay would send it.
pub(crate) fn record(scene: &Scene, aggregate: Uuid, version: i64) -> Outgoing {
    testkit::publish(Some(scene.organisation()), version, &event(aggregate))
}

/// Why the test service refuses, and whether that passes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    /// As the test wants it.
    #[error("the test wants a {0:?} failure")]
    Wanted(Class),
}

impl Classified for TestError {
    fn class(&self) -> Class {
        match self {
            TestError::Storage(error) => error.class(),
            TestError::Wanted(class) => *class,
        }
    }
}

/// What the command does besides its work.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// Transient failures still to come.
    pub(crate) transient: AtomicU32,
    /// An aggregate that is never taken.
    pub(crate) impossible: Option<Uuid>,
    /// An aggregate that the command panics at.
    pub(crate) panics: Option<Uuid>,
    /// Time spent inside the transaction, before it commits or the impossible aggregate is refused.
    pub(crate) delay: Duration,
    /// Commands that were begun.
    pub(crate) begun: AtomicU32,
    /// Of those, the ones that came to the impossible aggregate.
    pub(crate) hopeless: AtomicU32,
    /// Commands that ran to their end.
    pub(crate) ran: AtomicU32,
}

/// Writes one effect row per event: an effect twice is a row twice.
pub(crate) struct TakeEffect {
    pub(crate) events: Vec<Delivered<OrderEvent>>,
    pub(crate) behaviour: Arc<Behaviour>,
}

impl Command for TakeEffect {
    const NAME: &'static str = "order.take-effect";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = TestError;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), TestError> {
        self.behaviour.begun.fetch_add(1, Ordering::SeqCst);
        for delivered in &self.events {
            assert!(self.behaviour.panics != Some(delivered.envelope.subject), "the command panics, as the test wants");
            if self.behaviour.impossible == Some(delivered.envelope.subject) {
                self.behaviour.hopeless.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(self.behaviour.delay).await;
                return Err(TestError::Wanted(Class::Permanent));
            }
            persistence::statement("insert into effects (org_id, aggregate, version, event) values ($1, $2, $3, $4)")
                .bind::<SqlUuid, _>(delivered.organisation.uuid())
                .bind::<SqlUuid, _>(delivered.envelope.subject)
                .bind::<BigInt, _>(delivered.envelope.aggregate_version)
                .bind::<SqlUuid, _>(delivered.envelope.id.uuid())
                .execute(tx.connection())
                .await
                .map_err(persistence::Error::from)?;
        }
        tokio::time::sleep(self.behaviour.delay).await;
        let left =
            self.behaviour.transient.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(TestError::Wanted(Class::Transient));
        }
        self.behaviour.ran.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Keeps the newest version of each key, and refuses one version.
pub(crate) struct Keep {
    pub(crate) snapshots: Vec<Snapshot<OrganisationState>>,
    pub(crate) refused: i64,
    /// While this is set, nothing can be kept.
    pub(crate) blocked: Arc<AtomicBool>,
}

impl Command for Keep {
    const NAME: &'static str = "order.keep";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = TestError;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), TestError> {
        if AtomicBool::load(&self.blocked, Ordering::SeqCst) {
            return Err(TestError::Wanted(Class::Transient));
        }
        for snapshot in &self.snapshots {
            if snapshot.version == self.refused {
                return Err(TestError::Wanted(Class::Permanent));
            }
            persistence::statement(
                "insert into aggregates (org_id, id, version) values ($1, $2, $3) on conflict (org_id, id)
                 do update set version = excluded.version where aggregates.version < excluded.version",
            )
            .bind::<SqlUuid, _>(snapshot.organisation.uuid())
            .bind::<SqlUuid, _>(snapshot.key)
            .bind::<BigInt, _>(snapshot.version)
            .execute(tx.connection())
            .await
            .map_err(persistence::Error::from)?;
        }
        Ok(())
    }
}

/// State of an organisation.
pub(crate) fn state_of(organisation: OrganisationId, version: i64) -> OrganisationState {
    OrganisationState {
        organisation,
        slug: Slug::parse("shop").unwrap(),
        name: "Shop".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: None,
        guests: None,
        active: true,
        version,
    }
}

/// State of an organisation, as a relay would send it.
pub(crate) fn organisation_state(organisation: OrganisationId, version: i64) -> Outgoing {
    testkit::publish(Some(organisation), version, &state_of(organisation, version))
}

/// The effects so far: (aggregate, version) in the order of their rows.
pub(crate) async fn effects(scene: &Scene) -> Vec<(Uuid, i64)> {
    let rows =
        scene.superuser().await.query("select aggregate::text, version from effects order by id", &[]).await.unwrap();
    rows.iter().map(|row| (row.get::<_, String>(0).parse().unwrap(), row.get(1))).collect()
}

/// A running member of the consumer group.
pub(crate) struct Member {
    state: ConsumerState,
    working: Working,
}

impl Member {
    pub(crate) async fn join(settings: Settings, mediator: Mediator, subscriptions: Subscriptions) -> Self {
        let producer = Producer::new(&settings).unwrap();
        let consumer = Consumer::join(settings, mediator, producer, subscriptions).await.unwrap();
        Self { state: consumer.state(), working: Working::start(|stop| consumer.run(stop)) }
    }

    pub(crate) fn state(&self) -> &ConsumerState {
        &self.state
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.working.has_ended()
    }

    pub(crate) async fn stop(self, limit: Duration) {
        self.working.stop(limit).await;
    }
}

/// A table that is being followed.
pub(crate) struct Followed(Working);

impl Followed {
    /// Starts following it, and returns when it has been read to its end.
    pub(crate) async fn to_its_end<E: Channel>(table: Table<E>) -> Self {
        let table = Arc::new(table);
        let followed = Arc::clone(&table);
        let working = Working::start(|stop| async move { followed.follow(stop).await });
        tokio::time::timeout(Duration::from_secs(20), table.read_to_end()).await.unwrap();
        Self(working)
    }

    pub(crate) async fn stop(self) {
        self.0.stop(Duration::from_secs(5)).await;
    }
}
