//! The three transactions: of an organisation, of a reader, of the system.
//! The rule: `app.org` is set before any statement runs, and events leave with the commit or not at all.

use contracts::{Channel, Envelope};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures::FutureExt;
use kernel::{Clock, EventId, OrganisationId};
use uuid::Uuid;

use crate::database::Pooled;
use crate::error::Error;
use crate::outbox::{OutboxRow, OutboxWatch, insert_events};
use crate::replays::{RecordedReply, ReplayKey, insert_reply};

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

/// A writing transaction. It is rolled back unless it is committed.
pub struct TenantTransaction {
    connection: Pooled,
    watch: OutboxWatch,
    source: String,
    organisation: OrganisationId,
    provenance: Provenance,
    recorded: Vec<OutboxRow>,
    /// Events are written already, and the relay does not know.
    announce: bool,
}

impl TenantTransaction {
    pub(crate) async fn begin(
        mut connection: Pooled,
        watch: OutboxWatch,
        source: String,
        organisation: OrganisationId,
        provenance: Provenance,
    ) -> Result<Self, Error> {
        let sql = format!("BEGIN;{}", set_organisation(organisation));
        if let Err(error) = AnsiTransactionManager::begin_transaction_sql(&mut *connection, &sql).await {
            // The server may have begun and then refused: nobody else gets this connection.
            AnsiTransactionManager::transaction_manager_status_mut(&mut *connection).set_in_error();
            return Err(error.into());
        }
        Ok(Self { connection, watch, source, organisation, provenance, recorded: Vec::new(), announce: false })
    }

    /// Goes on in another organisation of the same batch.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn enter(&mut self, organisation: OrganisationId, provenance: Provenance) -> Result<(), Error> {
        if organisation != self.organisation {
            self.connection.batch_execute(&set_organisation(organisation)).await?;
            self.organisation = organisation;
        }
        self.provenance = provenance;
        Ok(())
    }

    /// What a command gets to see.
    pub fn tx(&mut self) -> Tx<'_> {
        Tx {
            connection: &mut self.connection,
            organisation: self.organisation,
            provenance: &self.provenance,
            source: &self.source,
            recorded: &mut self.recorded,
        }
    }

    /// Stores the reply of a create beside its effects, and the events recorded so far, in one round trip.
    ///
    /// # Errors
    /// [`Error::Unique`] on `replays_pkey` when the same key was used before.
    pub async fn record_reply(&mut self, key: &ReplayKey, reply: &RecordedReply) -> Result<(), Error> {
        let recorded = std::mem::take(&mut self.recorded);
        self.announce |= !recorded.is_empty();
        let (replied, told) = futures::future::join(
            insert_reply(&self.connection, self.organisation, key, reply),
            insert_events(&self.connection, &recorded),
        )
        .await;
        // The reply is sent first: when it is refused, so are the events, and why is what the reply says.
        replied.and(told)
    }

    /// Writes what was recorded since and commits.
    ///
    /// # Errors
    /// Any error means that nothing of this transaction is known to be committed.
    pub async fn commit(mut self) -> Result<(), Error> {
        let recorded = std::mem::take(&mut self.recorded);
        insert_events(&self.connection, &recorded).await?;
        AnsiTransactionManager::commit_transaction(&mut *self.connection).await?;
        if self.announce || !recorded.is_empty() {
            self.watch.fire();
        }
        Ok(())
    }

    /// Undoes everything. Dropping has the same effect, at the price of the connection.
    ///
    /// # Errors
    /// When the connection is lost, which also undoes everything.
    pub async fn rollback(mut self) -> Result<(), Error> {
        AnsiTransactionManager::rollback_transaction(&mut *self.connection).await?;
        Ok(())
    }
}

/// The transaction as a command sees it: it cannot end it.
pub struct Tx<'c> {
    connection: &'c mut AsyncPgConnection,
    organisation: OrganisationId,
    provenance: &'c Provenance,
    source: &'c str,
    recorded: &'c mut Vec<OutboxRow>,
}

impl Tx<'_> {
    /// The connection, for `store/`.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        self.connection
    }

    /// The organisation that this transaction belongs to.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Who acts and why.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        self.provenance
    }

    /// Records an event of an aggregate whose row this transaction has locked. `aggregate_version`
    /// is the aggregate's version after the change, at least 1 and different for each event.
    pub fn record<C: Channel>(&mut self, aggregate_version: i64, event: C) {
        let provenance = self.provenance.clone();
        self.record_caused_by(&provenance, aggregate_version, event);
    }

    /// As [`Tx::record`], for a batch in which each event has a cause of its own.
    pub fn record_caused_by<C: Channel>(&mut self, cause: &Provenance, aggregate_version: i64, event: C) {
        self.push(cause, aggregate_version, C::TOPIC.name, event.key(), event.event_type(), event.to_json().map(Some));
    }

    /// Records that an aggregate of a compacted topic is gone (a record without a value).
    pub fn record_removal<C: Channel>(&mut self, aggregate_version: i64, event: &C) {
        let provenance = self.provenance.clone();
        self.push(&provenance, aggregate_version, C::TOPIC.name, event.key(), event.event_type(), Ok(None));
    }

    fn push(
        &mut self,
        cause: &Provenance,
        aggregate_version: i64,
        topic: &'static str,
        key: Uuid,
        event_type: &str,
        payload: Result<Option<Vec<u8>>, serde_json::Error>,
    ) {
        let envelope = Envelope {
            id: EventId::new(),
            event_type: event_type.to_owned(),
            source: format!("/{}", self.source),
            subject: key,
            time: Clock::now(),
            organisation: Some(self.organisation),
            actor: cause.actor.clone(),
            aggregate_version,
            correlation: cause.correlation,
            causation: cause.causation,
            traceparent: cause.traceparent.clone(),
        };
        // An event without a JSON form fails the commit, not the caller in the middle of its work.
        let payload = payload.map_err(|error| error.to_string());
        self.recorded.push(OutboxRow { topic, key, envelope, payload });
    }
}

/// A reading transaction. It begins together with the first statement (one round trip for both)
/// and ends without effect when it is dropped, at the price of the connection.
pub struct ReadTransaction {
    connection: Pooled,
    organisation: OrganisationId,
    open: bool,
}

impl ReadTransaction {
    pub(crate) fn new(connection: Pooled, organisation: OrganisationId) -> Self {
        Self { connection, organisation, open: false }
    }

    /// Runs `read` inside the transaction and ends it.
    ///
    /// # Errors
    /// Those of `read`, or of the connection.
    pub async fn run<T, E, F>(mut self, read: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'c> FnOnce(ReadConn<'c>) -> futures::future::BoxFuture<'c, Result<T, E>>,
    {
        let sql = format!("BEGIN READ ONLY;{}", set_organisation(self.organisation));
        self.open = true;
        let result = {
            let shared: &AsyncPgConnection = &self.connection;
            let mut beginning = shared;
            let begin = beginning.batch_execute(&sql);
            let conn = ReadConn { connection: shared, organisation: self.organisation };
            // BEGIN is polled first, so it is sent first; the statement follows without waiting.
            let (began, result) = futures::future::join(begin.boxed(), read(conn)).await;
            began.map_err(|error| E::from(Error::from(error))).and(result)
        };
        let mut end: &AsyncPgConnection = &self.connection;
        match end.batch_execute("COMMIT").await {
            Ok(()) => self.open = false,
            Err(error) => return result.and(Err(E::from(Error::from(error)))),
        }
        result
    }
}

impl Drop for ReadTransaction {
    fn drop(&mut self) {
        if self.open {
            // A reader that was cut off leaves its transaction open; such a connection must not
            // reach another organisation, so the pool is told to throw it away.
            AnsiTransactionManager::transaction_manager_status_mut(&mut *self.connection).set_in_error();
        }
    }
}

/// The connection as a query sees it.
pub struct ReadConn<'c> {
    connection: &'c AsyncPgConnection,
    organisation: OrganisationId,
}

impl<'c> ReadConn<'c> {
    /// The connection, for `queries/`: `query.load(read.connection())`.
    pub fn connection(&mut self) -> &mut &'c AsyncPgConnection {
        &mut self.connection
    }

    /// The organisation whose rows are visible.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }
}

/// A transaction of the system role.
pub struct SystemTx {
    connection: Pooled,
}

impl SystemTx {
    pub(crate) async fn begin(mut connection: Pooled) -> Result<Self, Error> {
        AnsiTransactionManager::begin_transaction_sql(&mut *connection, "BEGIN").await?;
        Ok(Self { connection })
    }

    /// The connection, for `store/`.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    /// Commits.
    ///
    /// # Errors
    /// When the connection is lost; nothing is then known to be committed.
    pub async fn commit(mut self) -> Result<(), Error> {
        AnsiTransactionManager::commit_transaction(&mut *self.connection).await?;
        Ok(())
    }
}

/// A simple query: an id is hexadecimal digits and hyphens, so there is nothing to escape.
fn set_organisation(organisation: OrganisationId) -> String {
    format!("SELECT set_config('app.org','{}',true)", organisation.uuid())
}
