//! How long the traces of finished work are kept.
//! The rule: the inbox outlives the topics, or a redrive would repeat effects.

use std::time::Duration;

use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;

use crate::database::Database;
use crate::error::Error;
use crate::tenancy::Platform;
use crate::transaction::Provenance;

/// How long inbox rows are kept: longer than the retention of every topic and dead-letter topic.
const INBOX: Duration = Duration::from_secs(45 * 24 * 3600);
/// How long recorded replies are kept: at least 24 hours, as clients of idempotency keys expect.
const REPLAYS: Duration = Duration::from_secs(24 * 3600);

/// How many rows a run removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pruned {
    /// Inbox rows.
    pub inbox: usize,
    /// Recorded replies.
    pub replays: usize,
}

/// Rows that one statement removes: it ends long before its time limit, also after weeks without a run.
const CHUNK: i64 = 20_000;

/// Removes what is older than the retention, chunk by chunk; any number of replicas may run it at once.
///
/// # Errors
/// When the database is away; what was removed until then stays removed.
pub async fn prune(database: &Database) -> Result<Pruned, Error> {
    let inbox = remove(
        database,
        "delete from inbox where ctid = any(array(
           select ctid from inbox where processed_at < now() - make_interval(secs => $1) limit $2))",
        INBOX,
    );
    let replays = remove(
        database,
        "delete from replays where ctid = any(array(
           select ctid from replays where created_at < now() - make_interval(secs => $1) limit $2))",
        REPLAYS,
    );
    Ok(Pruned { inbox: inbox.await?, replays: replays.await? })
}

async fn remove(database: &Database, sql: &'static str, age: Duration) -> Result<usize, Error> {
    let mut removed = 0;
    loop {
        let mut transaction = database.begin(Platform, Provenance::new("system:retention")).await?;
        let gone = crate::statement(sql)
            .bind::<Double, _>(age.as_secs_f64())
            .bind::<BigInt, _>(CHUNK)
            .execute(transaction.tx().connection())
            .await?;
        transaction.commit().await?;
        removed += gone;
        if i64::try_from(gone).is_ok_and(|gone| gone < CHUNK) {
            return Ok(removed);
        }
    }
}
