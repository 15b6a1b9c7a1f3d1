//! What a service listens to, and which command each record becomes.
//! The rule: a handler maps events to a command and decides nothing.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use contracts::{Channel, Envelope, Retention, Topic, Undecodable};
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::OrganisationId;
use mediator::{Class, Classified, Command, Scope, execute_in};
use persistence::{Provenance, Tx};

use crate::delivery::{Delivered, Snapshot};
use crate::record::Record;

/// How the records of a topic are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Facts: inbox, then effects, once.
    Events,
    /// Snapshots: upsert where the version is newer, no inbox.
    State,
}

/// The subscription table of one service: its name is its consumer group.
pub struct Subscriptions {
    pub(crate) service: &'static str,
    pub(crate) entries: Vec<Arc<dyn Subscription>>,
    pub(crate) after_commit: Vec<Arc<dyn Fn() + Send + Sync>>,
}

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.topic().name)).finish()
    }
}

impl Subscriptions {
    /// An empty table.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self { service, entries: Vec::new(), after_commit: Vec::new() }
    }

    /// Facts of a topic: those of one organisation in a batch, in offset order, become one command.
    /// Facts that had effects before are left out; `command` is not called with none.
    #[must_use]
    pub fn on_batch<E, C, F>(mut self, command: F) -> Self
    where
        E: Channel,
        C: Command<Reply = ()>,
        F: Fn(Vec<Delivered<E>>) -> C + Send + Sync + 'static,
    {
        debug_assert!(matches!(E::TOPIC.retention, Retention::Events), "facts come from an events topic");
        self.entries.push(Arc::new(Events { service: self.service, command, types: PhantomData }));
        self
    }

    /// Snapshots of a compacted topic: those of one organisation in a batch become one command,
    /// which upserts `where version < excluded.version`.
    #[must_use]
    pub fn on_state<E, C, F>(mut self, command: F) -> Self
    where
        E: Channel,
        C: Command<Reply = ()>,
        F: Fn(Vec<Snapshot<E>>) -> C + Send + Sync + 'static,
    {
        debug_assert!(matches!(E::TOPIC.retention, Retention::State), "state comes from a compacted topic");
        self.entries.push(Arc::new(State { service: self.service, command, types: PhantomData }));
        self
    }

    /// Called after each commit of a batch, to wake something that looks at its effects.
    #[must_use]
    pub fn after_commit(mut self, wake: impl Fn() + Send + Sync + 'static) -> Self {
        self.after_commit.push(Arc::new(wake));
        self
    }

    /// The topics of this table.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.entries.iter().map(|entry| entry.topic()).collect()
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
pub(crate) trait Subscription: Send + Sync {
    fn topic(&self) -> Topic;
    fn kind(&self) -> Kind;
    /// Reads the body. An unknown type is no fault of the record: it is passed over.
    fn decode(&self, event_type: &str, record: &Record) -> Result<Decoded, Undecodable>;
    /// Runs the command for records of one organisation, in offset order, none of them processed before.
    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        organisation: OrganisationId,
        records: &'a [&'a Readable],
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

struct Events<E, C, F> {
    service: &'static str,
    command: F,
    types: PhantomData<fn() -> (E, C)>,
}

impl<E, C, F> Subscription for Events<E, C, F>
where
    E: Channel,
    C: Command<Reply = ()>,
    F: Fn(Vec<Delivered<E>>) -> C + Send + Sync + 'static,
{
    fn topic(&self) -> Topic {
        E::TOPIC
    }

    fn kind(&self) -> Kind {
        Kind::Events
    }

    fn decode(&self, event_type: &str, record: &Record) -> Result<Decoded, Undecodable> {
        let payload = record.payload.as_deref().unwrap_or_default();
        E::decode(event_type, payload).map(|event| Box::new(event) as Decoded)
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        organisation: OrganisationId,
        records: &'a [&'a Readable],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let events = records
            .iter()
            .filter_map(|readable| {
                readable.decoded.downcast_ref::<E>().map(|event| Delivered {
                    event: event.clone(),
                    envelope: readable.envelope.clone(),
                    provenance: readable.provenance.clone(),
                })
            })
            .collect();
        let command = (self.command)(events);
        run(self.service, tx, organisation, records, command).boxed()
    }
}

struct State<E, C, F> {
    service: &'static str,
    command: F,
    types: PhantomData<fn() -> (E, C)>,
}

impl<E, C, F> Subscription for State<E, C, F>
where
    E: Channel,
    C: Command<Reply = ()>,
    F: Fn(Vec<Snapshot<E>>) -> C + Send + Sync + 'static,
{
    fn topic(&self) -> Topic {
        E::TOPIC
    }

    fn kind(&self) -> Kind {
        Kind::State
    }

    fn decode(&self, event_type: &str, record: &Record) -> Result<Decoded, Undecodable> {
        decode_state::<E>(event_type, record).map(|state| Box::new(state) as Decoded)
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        organisation: OrganisationId,
        records: &'a [&'a Readable],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        // Of several snapshots of one aggregate only the newest matters.
        let mut newest: std::collections::BTreeMap<uuid::Uuid, Snapshot<E>> = std::collections::BTreeMap::new();
        for readable in records {
            let Some(state) = readable.decoded.downcast_ref::<Option<E>>() else { continue };
            let key = readable.envelope.subject;
            let version = readable.envelope.aggregate_version;
            if newest.get(&key).is_none_or(|known| known.version <= version) {
                newest.insert(key, Snapshot { key, state: state.clone(), version, organisation });
            }
        }
        let command = (self.command)(newest.into_values().collect());
        run(self.service, tx, organisation, records, command).boxed()
    }
}

/// Reads the state in a record of a compacted topic. No body is no state, whatever the type: compaction removes the key
/// all the same.
pub(crate) fn decode_state<E: Channel>(event_type: &str, record: &Record) -> Result<Option<E>, Undecodable> {
    record.payload.as_deref().map(|payload| E::decode(event_type, payload)).transpose()
}

async fn run<C: Command<Reply = ()>>(
    service: &'static str,
    tx: &mut Tx<'_>,
    organisation: OrganisationId,
    records: &[&Readable],
    command: C,
) -> Result<(), Failure> {
    let Some(first) = records.first() else { return Ok(()) };
    let scope = Scope::caused(service, organisation, first.provenance.clone());
    execute_in(tx, &scope, &command).await.map_err(|error| Failure::of(&error))
}
