//! The transactions: writing and reading, of one organisation or of the platform.
//! The rule: the tenancy is set before any statement runs, and events leave with the commit or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use contracts::{Channel, Envelope};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures::FutureExt;
use kernel::{Clock, EventId, OrganisationId, Timestamp};
use serde::Serialize;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::error::Error;
use crate::observers::{ObservedEvent, Observers};
use crate::outbox::{OutboxRow, insert_events};
use crate::paging::{List, SealingKey};
use crate::pool::Pooled;
use crate::replays::{RecordedReply, ReplayKey, insert_replies, select_replayed, select_reply};
use crate::tenancy::{Tenancy, Tenant, opening};

/// Who caused a change and what it belongs to; it travels with every event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Who acts, as in `access::Caller::actor`.
    pub actor: String,
    /// One value for everything that follows from one request.
    pub correlation: Uuid,
    /// The event that caused this, where an event did.
    pub causation: Option<Uuid>,
    /// W3C trace context of the span that acts.
    pub traceparent: Option<String>,
}

impl Provenance {
    /// The beginning of a new chain of causes.
    #[must_use]
    pub fn new(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), correlation: Uuid::now_v7(), causation: None, traceparent: None }
    }
}

/// What the transactions of one schema share: who is told of a commit, and what the events name as their source.
pub(crate) struct Publishing {
    pub(crate) watch: Arc<Notify>,
    pub(crate) observers: Observers,
    pub(crate) source: String,
}

/// What a transaction has recorded so far.
#[derive(Default)]
struct Pending {
    rows: Vec<OutboxRow>,
    observed: Vec<ObservedEvent>,
}

/// A writing transaction. It is rolled back unless it is committed.
pub struct Transaction<T: Tenancy = Tenant> {
    connection: Pooled,
    publishing: Arc<Publishing>,
    tenancy: T,
    provenance: Provenance,
    recorded: Pending,
    /// Whether events have been written that the relay does not know of.
    announce: bool,
}

impl<T: Tenancy> Transaction<T> {
    pub(crate) async fn begin(
        begin: &str,
        mut connection: Pooled,
        publishing: Arc<Publishing>,
        tenancy: T,
        provenance: Provenance,
    ) -> Result<Self, Error> {
        let sql = opening(begin, &tenancy);
        // The server may have begun and then refused: nobody else gets this connection.
        AnsiTransactionManager::begin_transaction_sql(&mut *connection, &sql).await?;
        Ok(Self { connection, publishing, tenancy, provenance, recorded: Pending::default(), announce: false })
    }

    /// What a command gets to see.
    pub fn tx(&mut self) -> Tx<'_, T> {
        Tx {
            connection: &mut self.connection,
            tenancy: &self.tenancy,
            provenance: &self.provenance,
            publishing: &self.publishing,
            recorded: &mut self.recorded,
        }
    }

    /// The organisation, where there is exactly one.
    #[must_use]
    pub fn organisation_id(&self) -> Option<OrganisationId> {
        self.tenancy.organisation_id()
    }

    /// The positions of those keys under which a reply is recorded already.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn replayed(&mut self, keys: &[(OrganisationId, &ReplayKey)]) -> Result<HashSet<usize>, Error> {
        select_replayed(&self.connection, keys).await
    }

    /// Stores the replies of creates beside their effects, and the events recorded so far, in one round trip. Each reply is
    /// one of an organisation, or of the platform.
    ///
    /// # Errors
    /// [`Error::Unique`] when one of the keys was used before.
    pub async fn record_replies(
        &mut self,
        replies: &[(Option<OrganisationId>, &ReplayKey, RecordedReply)],
    ) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.recorded.rows);
        self.announce |= !rows.is_empty();
        let (replied, published) =
            futures::future::join(insert_replies(&self.connection, replies), insert_events(&self.connection, &rows))
                .await;
        // The replies are sent first: when one is refused, the events are too, and the replies' error is the cause.
        replied.and(published)
    }

    /// Writes what was recorded since, commits, and tells the relay and the observers.
    ///
    /// # Errors
    /// Any error means that nothing of this transaction is known to be committed.
    pub async fn commit(mut self) -> Result<(), Error> {
        let Pending { rows, observed } = std::mem::take(&mut self.recorded);
        insert_events(&self.connection, &rows).await?;
        AnsiTransactionManager::commit_transaction(&mut *self.connection).await?;
        self.connection.give_back();
        if self.announce || !rows.is_empty() {
            self.publishing.watch.notify_one();
        }
        self.publishing.observers.tell(&observed);
        Ok(())
    }

    /// Undoes everything. Dropping has the same effect, at the price of the connection.
    ///
    /// # Errors
    /// When the connection is lost, which also undoes everything.
    pub async fn rollback(mut self) -> Result<(), Error> {
        AnsiTransactionManager::rollback_transaction(&mut *self.connection).await?;
        self.connection.give_back();
        Ok(())
    }
}

/// The transaction as a command sees it: it cannot end it.
pub struct Tx<'c, T: Tenancy = Tenant> {
    connection: &'c mut AsyncPgConnection,
    tenancy: &'c T,
    provenance: &'c Provenance,
    publishing: &'c Publishing,
    recorded: &'c mut Pending,
}

impl Tx<'_, Tenant> {
    /// The organisation that this transaction belongs to.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.tenancy.organisation()
    }
}

impl<T: Tenancy> Tx<'_, T> {
    /// The connection, for `store/`.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        self.connection
    }

    /// Whose rows it sees.
    #[must_use]
    pub fn tenancy(&self) -> &T {
        self.tenancy
    }

    /// Who acts and why.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        self.provenance
    }

    /// Records an event of an aggregate whose row this transaction has locked. `aggregate_version`
    /// is the aggregate's version after the change, at least 1 and different for each event.
    pub fn record<C: Channel>(&mut self, aggregate_version: i64, event: C) {
        let provenance = self.provenance;
        self.record_of(self.tenancy.organisation_id(), provenance, Clock::now(), aggregate_version, event);
    }

    /// As [`Tx::record`], for an event of one organisation of a batch, or of one that the platform has changed, with its own
    /// cause and with the time of the change as the aggregate's row has it. The commit fails when the transaction does not
    /// see this organisation's rows.
    pub fn record_within<C: Channel>(
        &mut self,
        organisation: OrganisationId,
        cause: &Provenance,
        at: Timestamp,
        aggregate_version: i64,
        event: C,
    ) {
        self.record_of(Some(organisation), cause, at, aggregate_version, event);
    }

    fn record_of<C: Channel>(
        &mut self,
        organisation: Option<OrganisationId>,
        cause: &Provenance,
        at: Timestamp,
        aggregate_version: i64,
        event: C,
    ) {
        self.push(organisation, cause, at, aggregate_version, &event, event.to_json().map(Some));
        self.recorded.observed.extend(self.publishing.observers.keep(organisation, at, aggregate_version, event));
    }

    /// Records that an aggregate of a compacted topic is gone (a record without a value). Observers are not told.
    pub fn record_removal<C: Channel>(&mut self, aggregate_version: i64, event: &C) {
        let provenance = self.provenance;
        self.push(self.tenancy.organisation_id(), provenance, Clock::now(), aggregate_version, event, Ok(None));
    }

    fn push<C: Channel>(
        &mut self,
        organisation: Option<OrganisationId>,
        cause: &Provenance,
        at: Timestamp,
        aggregate_version: i64,
        event: &C,
        payload: Result<Option<Vec<u8>>, serde_json::Error>,
    ) {
        let envelope = Envelope {
            id: EventId::new(),
            event_type: event.event_type().to_owned(),
            source: format!("/{}", self.publishing.source),
            subject: event.key(),
            time: at,
            organisation,
            actor: cause.actor.clone(),
            aggregate_version,
            correlation: cause.correlation,
            causation: cause.causation,
            traceparent: cause.traceparent.clone(),
        };
        // What cannot be published fails the commit, not the caller in the middle of its work.
        let payload = match payload {
            Ok(_) if !self.tenancy.covers(organisation) => {
                Err("it belongs to nobody whose rows the transaction sees".to_owned())
            }
            other => other.map_err(|error| format!("it has no JSON form: {error}")),
        };
        self.recorded.rows.push(OutboxRow { topic: C::TOPIC.name, key: event.key(), envelope, payload });
    }
}

/// A reading transaction. It begins together with the first statement (one round trip for both)
/// and ends without effect when it is dropped, at the price of the connection.
pub struct ReadTransaction<T: Tenancy = Tenant> {
    connection: Pooled,
    tenancy: T,
    sealing: SealingKey,
}

impl<T: Tenancy> ReadTransaction<T> {
    pub(crate) fn new(connection: Pooled, tenancy: T, sealing: SealingKey) -> Self {
        Self { connection, tenancy, sealing }
    }

    /// Runs `read` inside the transaction and ends it.
    ///
    /// # Errors
    /// Those of `read`, or of the connection.
    pub async fn run<V, E, F>(self, read: F) -> Result<V, E>
    where
        E: From<Error>,
        F: for<'c> FnOnce(ReadConn<'c, T>) -> futures::future::BoxFuture<'c, Result<V, E>>,
    {
        let sql = opening("BEGIN READ ONLY", &self.tenancy);
        let result = {
            let shared: &AsyncPgConnection = &self.connection;
            let mut beginning = shared;
            let begin = beginning.batch_execute(&sql);
            let conn = ReadConn { connection: shared, tenancy: self.tenancy.clone(), sealing: &self.sealing };
            // BEGIN is polled first, so it is sent first; the statement follows without waiting.
            let (began, result) = futures::future::join(begin.boxed(), read(conn)).await;
            began.map_err(|error| E::from(Error::from(error))).and(result)
        };
        let mut end: &AsyncPgConnection = &self.connection;
        match end.batch_execute("COMMIT").await {
            Ok(()) => self.connection.give_back(),
            Err(error) => return result.and(Err(E::from(Error::from(error)))),
        }
        result
    }
}

/// The connection as a query sees it.
pub struct ReadConn<'c, T: Tenancy = Tenant> {
    connection: &'c AsyncPgConnection,
    tenancy: T,
    sealing: &'c SealingKey,
}

impl<'c, T: Tenancy> ReadConn<'c, T> {
    /// The connection, for `queries/`: `query.load(read.connection())`.
    pub fn connection(&mut self) -> &mut &'c AsyncPgConnection {
        &mut self.connection
    }
}

impl ReadConn<'_, Tenant> {
    /// The organisation whose rows are visible.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.tenancy.organisation()
    }

    /// The list of this name in the organisation, for its cursors. `filter` is all that the client has chosen but the page.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, name: &'static str, filter: &impl Serialize) -> Result<List, Error> {
        self.sealing.list(self.connection, self.organisation(), name, filter).await
    }
}

/// The reply under a key, and whether it answered this same request.
///
/// # Errors
/// When the database is away.
pub async fn find_reply<T: Tenancy>(
    read: &mut ReadConn<'_, T>,
    key: &ReplayKey,
) -> Result<Option<(RecordedReply, bool)>, Error> {
    select_reply(read.connection, &read.tenancy, key).await
}
