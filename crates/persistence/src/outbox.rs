//! The outbox: events wait here, in the order of their aggregates, until the broker has them.
//! The rule: rows are inserted with the change, read in sequence without a cursor, deleted after the ack.

use std::sync::Arc;

use contracts::Envelope;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::StreamExt;
use kernel::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::statement;

/// An event between a command and the commit.
pub(crate) struct OutboxRow {
    pub(crate) topic: &'static str,
    pub(crate) key: Uuid,
    pub(crate) envelope: Envelope,
    pub(crate) payload: Result<Option<Vec<u8>>, String>,
}

/// Tells the relay of this process that a commit left rows behind.
#[derive(Clone, Default)]
pub struct OutboxWatch {
    notify: Arc<Notify>,
}

impl OutboxWatch {
    /// Announces a commit.
    pub fn fire(&self) {
        self.notify.notify_one();
    }

    /// Returns after the next announcement, or at once when one came since the last call.
    pub async fn changed(&self) {
        self.notify.notified().await;
    }
}

/// A row that waits for the broker.
#[derive(Debug, Clone, QueryableByName)]
pub struct PendingEvent {
    /// Where it stands in the line.
    #[diesel(sql_type = BigInt)]
    pub sequence: i64,
    /// The topic without its namespace.
    #[diesel(sql_type = Text)]
    pub aggregatetype: String,
    /// The record's key.
    #[diesel(sql_type = Text)]
    pub aggregateid: String,
    /// The record's value; none is a tombstone.
    #[diesel(sql_type = Nullable<Text>)]
    pub payload: Option<String>,
    /// The envelope as a JSON object of header names and values.
    #[diesel(sql_type = Text)]
    pub headers: String,
    /// When the command recorded it.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
}

/// Writes the events of one transaction in one statement; the sequence follows the slice.
pub(crate) async fn insert_events(connection: &AsyncPgConnection, rows: &[OutboxRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut headers = Vec::with_capacity(rows.len());
    let mut payloads = Vec::with_capacity(rows.len());
    for row in rows {
        let payload = match &row.payload {
            Ok(Some(bytes)) => Some(std::str::from_utf8(bytes).map_err(|error| error.to_string())),
            Ok(None) => None,
            Err(cause) => Some(Err(cause.clone())),
        };
        let payload = payload.transpose().map_err(|cause| {
            Error::Defect(format!("an event of type {} has no JSON form: {cause}", row.envelope.event_type))
        })?;
        payloads.push(payload);
        let map: serde_json::Map<String, serde_json::Value> = row
            .envelope
            .to_headers()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), serde_json::Value::String(value)))
            .collect();
        headers.push(serde_json::Value::Object(map).to_string());
    }
    statement(
        "insert into outbox (id, aggregatetype, aggregateid, aggregateversion, type, payload, headers)
         select e.id, e.aggregatetype, e.aggregateid, e.aggregateversion, e.type, e.payload, e.headers
         from unnest($1, $2, $3, $4, $5, $6, $7) with ordinality
           as e(id, aggregatetype, aggregateid, aggregateversion, type, payload, headers, position)
         order by e.position",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.envelope.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.key.to_string()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.envelope.aggregate_version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.envelope.event_type.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(payloads)
    .bind::<Array<Text>, _>(headers)
    .execute(&mut &*connection)
    .await?;
    Ok(())
}

/// The relay's own connection: it asks for the lock, reads, deletes and tells other replicas.
pub struct OutboxSession {
    connection: AsyncPgConnection,
    schema: String,
    select: &'static str,
}

impl OutboxSession {
    /// Opens a connection of the system role outside every pool.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn open(database: &Database) -> Result<Self, Error> {
        let mut connection = database.system_session().await?;
        // A delete that a crash forgets sends a row again, which consumers absorb.
        connection.batch_execute("set synchronous_commit = off").await?;
        Ok(Self { connection, schema: database.schema().to_owned(), select: PENDING })
    }

    /// Another question in place of [`PENDING`]: for the test that shows why it is the one it is.
    #[doc(hidden)]
    #[must_use]
    pub fn asking(mut self, select: &'static str) -> Self {
        self.select = select;
        self
    }

    /// Whether this connection is the one relay of the schema from now on; does not wait. The lock
    /// ends with the connection, so with the process too.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn try_lead(&mut self) -> Result<bool, Error> {
        let row: LockRow = statement("select pg_try_advisory_lock($1) as locked")
            .bind::<BigInt, _>(lock_key(&self.schema, "relay"))
            .get_result(&mut self.connection)
            .await?;
        Ok(row.locked)
    }

    /// Tells the relay in another replica that rows are waiting.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn notify(&mut self) -> Result<(), Error> {
        self.connection.batch_execute(&format!("notify \"outbox_{}\"", self.schema)).await?;
        Ok(())
    }

    /// The unsent rows in sequence order, at most `limit`, without those of parked aggregates.
    ///
    /// There is no cursor: sequence numbers are given out before the commit, so a cursor would pass
    /// by a row that commits late. Whatever is there is unsent.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn pending(&mut self, limit: i64) -> Result<Vec<PendingEvent>, Error> {
        Ok(statement(self.select).bind::<BigInt, _>(limit).load(&mut self.connection).await?)
    }

    /// Removes rows that the broker has acknowledged.
    ///
    /// # Errors
    /// When the database is away; the rows are then sent again, which consumers absorb.
    pub async fn delete_sent(&mut self, sequences: &[i64]) -> Result<(), Error> {
        statement("delete from outbox where sequence = any($1)")
            .bind::<Array<BigInt>, _>(sequences)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Sets an aggregate aside whose event the broker will never take, so that the others go on.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn park_aggregate(&mut self, event: &PendingEvent, cause: &str) -> Result<(), Error> {
        statement(
            "insert into outbox_parked (aggregatetype, aggregateid, cause) values ($1, $2, $3)
             on conflict do nothing",
        )
        .bind::<Text, _>(&event.aggregatetype)
        .bind::<Text, _>(&event.aggregateid)
        .bind::<Text, _>(cause)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }
}

/// The relay's question: what is there and not parked. No cursor.
pub const PENDING: &str = "select sequence, aggregatetype, aggregateid, payload, headers, created_at from outbox o
     where not exists (select from outbox_parked p
                       where p.aggregatetype = o.aggregatetype and p.aggregateid = o.aggregateid)
     order by sequence limit $1";

/// Hears of commits in other replicas.
pub struct OutboxListener {
    connection: AsyncPgConnection,
}

impl OutboxListener {
    /// Opens a connection that listens.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn open(database: &Database) -> Result<Self, Error> {
        let mut connection = database.system_session().await?;
        connection.batch_execute(&format!("listen \"outbox_{}\"", database.schema())).await?;
        Ok(Self { connection })
    }

    /// Fires `watch` for every notification; returns when the connection is lost.
    pub async fn forward_to(mut self, watch: OutboxWatch) {
        let mut notifications = std::pin::pin!(self.connection.notifications_stream());
        while let Some(Ok(_)) = notifications.next().await {
            watch.fire();
        }
    }
}

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = BigInt)]
    depth: i64,
    #[diesel(sql_type = BigInt)]
    parked: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<Timestamp>,
}

/// What waits in an outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxDepth {
    /// Rows.
    pub rows: i64,
    /// Aggregates that the broker will never take.
    pub parked: i64,
    /// Since when the oldest row waits.
    pub oldest: Option<Timestamp>,
}

/// What waits in the outbox of this schema, for metrics.
///
/// # Errors
/// When the database is away.
pub async fn outbox_depth(database: &Database) -> Result<OutboxDepth, Error> {
    let mut tx = database.begin_system().await?;
    let row: DepthRow = statement(
        "select count(*) as depth, (select count(*) from outbox_parked) as parked,
                min(created_at) as oldest from outbox",
    )
    .get_result(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(OutboxDepth { rows: row.depth, parked: row.parked, oldest: row.oldest })
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Advisory keys are shared by the whole database, so the schema is part of the key. FNV-1a with 64
/// bits: the key must be the same in every replica and every release.
fn lock_key(schema: &str, duty: &str) -> i64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in schema.bytes().chain([b'/']).chain(duty.bytes()) {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    i64::from_ne_bytes(hash.to_ne_bytes())
}
