//! The outbox as the relay sees it: the lock that makes one relay the leader, the unsent rows, the deletes.
//! The rule: rows are read in sequence without a cursor and deleted after the broker's acknowledgement.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::{FutureExt, StreamExt};
use kernel::Timestamp;
use mutants::Mutant;
use tokio::sync::Notify;

use crate::database::Database;
use crate::error::Error;
use crate::statement;
use crate::tenancy::Platform;

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

/// The relay's own connection: it asks for the lock, reads, deletes and tells other replicas.
pub struct OutboxSession {
    connection: AsyncPgConnection,
    schema: String,
    select: &'static str,
    /// The highest sequence that was seen, which only a mutant asks.
    passed: i64,
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
        Ok(Self { connection, schema: database.schema().to_owned(), select: PENDING, passed: 0 })
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

    /// The unsent rows in sequence order, at most `limit`, without those of parked aggregates and of the topics that are
    /// held back.
    ///
    /// There is no cursor: sequence numbers are given out before the commit, so a cursor would pass
    /// by a row that commits late. Whatever is there is unsent.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn pending(&mut self, limit: i64, held_back: &[&str]) -> Result<Vec<PendingEvent>, Error> {
        let select = statement(self.select).bind::<BigInt, _>(limit).bind::<Array<Text>, _>(held_back);
        let mut rows: Vec<PendingEvent> = select.load(&mut self.connection).await?;
        if mutants::is_on(Mutant::NaiveCursor) {
            rows.retain(|row| row.sequence > self.passed);
            self.passed = rows.iter().map(|row| row.sequence).fold(self.passed, i64::max);
        }
        Ok(rows)
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
       and not (aggregatetype = any ($2))
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

    /// Tells `watch` of every notification; returns when the connection is lost.
    pub async fn forward_to(mut self, watch: Arc<Notify>) {
        let mut notifications = std::pin::pin!(self.connection.notifications_stream());
        while let Some(Ok(_)) = notifications.next().await {
            watch.notify_one();
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
    let read = database.begin_read(Platform).await?;
    let row: DepthRow = read
        .run(|mut read| {
            async move {
                let depth = statement(
                    "select count(*) as depth, (select count(*) from outbox_parked) as parked,
                            min(created_at) as oldest from outbox",
                );
                Ok::<_, Error>(depth.get_result(read.connection()).await?)
            }
            .boxed()
        })
        .await?;
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
