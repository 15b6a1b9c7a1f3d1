//! How long the traces of finished work are kept.
//! The rule: the inbox outlives the topics, or a redrive would repeat effects.

use std::time::Duration;

use diesel::sql_types::Double;
use diesel_async::RunQueryDsl;

use crate::database::Database;
use crate::error::Error;

/// Ages after which rows are removed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Inbox rows; longer than the retention of every topic and dead-letter topic.
    pub inbox: Duration,
    /// Recorded replies; at least 24 hours, as clients of idempotency keys expect.
    pub replays: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbox: Duration::from_secs(45 * 24 * 3600), replays: Duration::from_secs(24 * 3600) }
    }
}

/// How many rows a run removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pruned {
    /// Inbox rows.
    pub inbox: usize,
    /// Recorded replies.
    pub replays: usize,
}

/// Removes what is older than the retention; any number of replicas may run it at once.
///
/// # Errors
/// When the database is away.
pub async fn prune(database: &Database, retention: Retention) -> Result<Pruned, Error> {
    let mut tx = database.begin_system().await?;
    let inbox = crate::statement("delete from inbox where processed_at < now() - make_interval(secs => $1)")
        .bind::<Double, _>(retention.inbox.as_secs_f64())
        .execute(tx.connection())
        .await?;
    let replays = crate::statement("delete from replays where created_at < now() - make_interval(secs => $1)")
        .bind::<Double, _>(retention.replays.as_secs_f64())
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(Pruned { inbox, replays })
}
