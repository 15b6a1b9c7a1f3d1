//! What a service listens to, and which command each record becomes.
//! The rule: a handler maps events to a command and decides nothing.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use contracts::{Channel, Envelope, Retention, Topic, Undecodable};
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::OrganisationId;
use mediator::{Class, Classified, Command, Scope, Tenants, execute_in};
use persistence::{Provenance, Tx};
use uuid::Uuid;

use crate::delivery::{Delivered, Snapshot};
use crate::record::Record;

/// The subscription table of one service: its name is its consumer group. Cheap to clone.
#[derive(Clone)]
pub struct Subscriptions {
    service: &'static str,
    entries: Vec<Subscription>,
    observers: Vec<Observer>,
    between_commit_and_offset: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Told of the records of one topic after their batch is committed.
#[derive(Clone)]
struct Observer {
    topic: Topic,
    tell: Tell,
}

type Tell = Arc<dyn Fn(&[&Readable]) + Send + Sync>;

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.topic.name)).finish()
    }
}

impl Subscriptions {
    /// An empty table.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self { service, entries: Vec::new(), observers: Vec::new(), between_commit_and_offset: None }
    }

    /// Facts of a topic: those of a batch, of however many organisations and in offset order, become one command.
    /// Facts that had effects before are left out; `command` is not called with none.
    #[must_use]
    pub fn on_batch<E, C, F>(mut self, command: F) -> Self
    where
        E: Channel,
        C: Command<Reply = (), Tenancy = Tenants>,
        F: Fn(Vec<Delivered<E>>) -> C + Send + Sync + 'static,
    {
        debug_assert!(E::TOPIC.retention.holds_facts(), "facts come from a topic of facts");
        let apply = applies(self.service, move |records| command(delivered(records)));
        self.entries.push(Subscription { topic: E::TOPIC, decode: decode_event::<E>, apply: Some(apply) });
        self
    }

    /// Snapshots of a compacted topic: those of a batch, of however many organisations, become one command,
    /// which upserts `where version < excluded.version`.
    #[must_use]
    pub fn on_state<E, C, F>(mut self, command: F) -> Self
    where
        E: Channel,
        C: Command<Reply = (), Tenancy = Tenants>,
        F: Fn(Vec<Snapshot<E>>) -> C + Send + Sync + 'static,
    {
        debug_assert!(matches!(E::TOPIC.retention, Retention::State), "state comes from a compacted topic");
        let apply = applies(self.service, move |records| command(newest(records)));
        self.entries.push(Subscription { topic: E::TOPIC, decode: decode_snapshot::<E>, apply: Some(apply) });
        self
    }

    /// Tells an observer of the facts of a topic that had effects, after their commit. Observed topics
    /// also need [`Subscriptions::on_batch`]: without effects there is nothing to observe.
    ///
    /// An observer does not block and cannot fail; a crash after the commit is a call that never comes.
    #[must_use]
    pub fn observe_events<E: Channel>(mut self, observer: impl Fn(&[Delivered<E>]) + Send + Sync + 'static) -> Self {
        let tell = move |records: &[&Readable]| observer(&delivered::<E>(records));
        self.observers.push(Observer { topic: E::TOPIC, tell: Arc::new(tell) });
        self
    }

    /// Tells an observer of the newest snapshots of a compacted topic in a batch, after its commit. Nobody else need
    /// listen to the topic. They may come again and late, and after a crash they come again.
    ///
    /// An observer does not block and cannot fail.
    #[must_use]
    pub fn observe_state<E: Channel>(mut self, observer: impl Fn(&[Snapshot<E>]) + Send + Sync + 'static) -> Self {
        debug_assert!(matches!(E::TOPIC.retention, Retention::State), "state comes from a compacted topic");
        let tell = move |records: &[&Readable]| observer(&newest::<E>(records));
        self.observers.push(Observer { topic: E::TOPIC, tell: Arc::new(tell) });
        // In front, so that a command for the same topic takes its place.
        self.entries.insert(0, Subscription { topic: E::TOPIC, decode: decode_snapshot::<E>, apply: None });
        self
    }

    /// Called between a batch's commit and its offsets: where the tests let a consumer die.
    #[doc(hidden)]
    #[must_use]
    pub fn between_commit_and_offset(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.between_commit_and_offset = Some(Arc::new(hook));
        self
    }

    /// One entry per topic.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let by_topic: BTreeMap<&'static str, &Subscription> =
            self.entries.iter().map(|entry| (entry.topic.name, entry)).collect();
        debug_assert!(
            self.observers.iter().all(|observer| by_topic.contains_key(observer.topic.name)),
            "an observer of facts hears nothing where no command takes them"
        );
        let entry = |(topic, subscription): (&str, &Subscription)| Entry {
            subscription: subscription.clone(),
            observers: self
                .observers
                .iter()
                .filter(|observer| observer.topic.name == topic)
                .map(|observer| Arc::clone(&observer.tell))
                .collect(),
            between_commit_and_offset: self.between_commit_and_offset.clone(),
        };
        by_topic.into_iter().map(entry).collect()
    }
}

/// What takes the records of one topic, and who hears of them afterwards.
pub(crate) struct Entry {
    pub(crate) subscription: Subscription,
    observers: Vec<Tell>,
    between_commit_and_offset: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Entry {
    pub(crate) fn topic(&self) -> Topic {
        self.subscription.topic
    }

    /// Whether the topic holds facts; otherwise it holds snapshots.
    pub(crate) fn holds_facts(&self) -> bool {
        self.subscription.topic.retention.holds_facts()
    }

    /// Tells the observers of records whose effects are committed. One that panics is reported and disturbs nobody else.
    pub(crate) fn tell(&self, records: &[&Readable]) {
        if let Some(hook) = &self.between_commit_and_offset {
            hook();
        }
        if records.is_empty() {
            return;
        }
        for tell in &self.observers {
            if catch_unwind(AssertUnwindSafe(|| tell(records))).is_err() {
                metrics::counter!("observer_panics_total").increment(1);
                tracing::error!(topic = self.topic().name, "an observer of a batch panicked; the commit stands");
            }
        }
    }
}

/// The body of a record in its own type: an `E` for facts, an `Option<E>` for state.
pub(crate) type Decoded = Box<dyn Any + Send + Sync>;

/// A record with its envelope and its body read.
pub(crate) struct Readable {
    pub(crate) record: Record,
    pub(crate) decoded: Decoded,
    pub(crate) envelope: Envelope,
    pub(crate) organisation: OrganisationId,
    pub(crate) provenance: Provenance,
    /// Open until the batch is committed, so that it shows how long the event took.
    #[expect(dead_code, reason = "held for its end")]
    pub(crate) span: tracing::Span,
}

/// Why a command of a batch did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn of(error: &impl Classified) -> Self {
        Self { class: error.class(), message: chain(error) }
    }

    /// What a handler panicked with. Trying again would panic again.
    pub(crate) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self { class: Class::Permanent, message: format!("the handler panicked: {}", said.unwrap_or("no message")) }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// One row of the table, its types erased.
#[derive(Clone)]
pub(crate) struct Subscription {
    topic: Topic,
    /// Reads the body. An unknown type is no fault of the record: it is passed over.
    pub(crate) decode: fn(&str, &Record) -> Result<Decoded, Undecodable>,
    /// Runs the command for records in offset order, none of them processed before. Without one, the records are for
    /// observers only.
    pub(crate) apply: Option<Apply>,
}

pub(crate) type Apply = Arc<
    dyn for<'a> Fn(&'a mut Tx<'_, Tenants>, &'a [&'a Readable]) -> BoxFuture<'a, Result<(), Failure>> + Send + Sync,
>;

/// Runs the command that `command` makes of the records.
fn applies<C>(service: &'static str, command: impl Fn(&[&Readable]) -> C + Send + Sync + 'static) -> Apply
where
    C: Command<Reply = (), Tenancy = Tenants>,
{
    Arc::new(move |tx, records| {
        let command = command(records);
        async move {
            let scope = Scope::batch_in(service, tx);
            execute_in(tx, &scope, &command).await.map_err(|error| Failure::of(&error))
        }
        .boxed()
    })
}

fn decode_event<E: Channel>(event_type: &str, record: &Record) -> Result<Decoded, Undecodable> {
    let payload = record.payload.as_deref().unwrap_or_default();
    E::decode(event_type, payload).map(|event| Box::new(event) as Decoded)
}

fn decode_snapshot<E: Channel>(event_type: &str, record: &Record) -> Result<Decoded, Undecodable> {
    decode_state::<E>(event_type, record).map(|state| Box::new(state) as Decoded)
}

fn delivered<E: Channel>(records: &[&Readable]) -> Vec<Delivered<E>> {
    let of = |readable: &&Readable| {
        readable.decoded.downcast_ref::<E>().map(|event| Delivered {
            event: event.clone(),
            envelope: readable.envelope.clone(),
            organisation: readable.organisation,
            provenance: readable.provenance.clone(),
        })
    };
    records.iter().filter_map(of).collect()
}

/// The newest snapshot of each aggregate, in the order of organisations and keys: of several, only that one matters.
fn newest<E: Channel>(records: &[&Readable]) -> Vec<Snapshot<E>> {
    let mut newest: BTreeMap<(OrganisationId, Uuid), Snapshot<E>> = BTreeMap::new();
    for readable in records {
        let Some(state) = readable.decoded.downcast_ref::<Option<E>>() else { continue };
        let (organisation, key) = (readable.organisation, readable.envelope.subject);
        let version = readable.envelope.aggregate_version;
        if newest.get(&(organisation, key)).is_none_or(|known| known.version <= version) {
            newest.insert((organisation, key), Snapshot { key, state: state.clone(), version, organisation });
        }
    }
    newest.into_values().collect()
}

/// Reads the state in a record of a compacted topic. No body is no state, whatever the type: compaction removes the key
/// all the same.
pub(crate) fn decode_state<E: Channel>(event_type: &str, record: &Record) -> Result<Option<E>, Undecodable> {
    record.payload.as_deref().map(|payload| E::decode(event_type, payload)).transpose()
}
