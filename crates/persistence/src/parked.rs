//! Parked keys: aggregates with a dead letter.
//! The rule: a later record of such a key waits behind the dead letter instead of overtaking it. Offsets are those of
//! records on their own topic; those of one key lie on one partition, so they tell its order.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::tenancy::Tenancy;
use crate::transaction::Tx;

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    last_offset: i64,
    #[diesel(sql_type = BigInt)]
    failed_again_offset: i64,
}

/// How far the dead letters of a key reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    /// Offset of the newest record that became one; -1 when it is not known.
    pub last_offset: i64,
    /// Offset of the newest redriven record that failed again; -1 when none did.
    pub failed_again_offset: i64,
}

/// Which of these keys of a topic are parked for `consumer`.
///
/// # Errors
/// When the database is away.
pub async fn parked_among<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    consumer: &str,
    topic: &str,
    keys: &[String],
) -> Result<HashMap<String, Parked>, Error> {
    let rows: Vec<KeyRow> = crate::statement(
        "select key, last_offset, failed_again_offset from parked_keys
         where consumer = $1 and topic = $2 and key = any($3)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(topic)
    .bind::<Array<Text>, _>(keys)
    .load(tx.connection())
    .await?;
    let parked =
        |row: KeyRow| (row.key, Parked { last_offset: row.last_offset, failed_again_offset: row.failed_again_offset });
    Ok(rows.into_iter().map(parked).collect())
}

/// Parks a key, or notes that its dead letters reach farther now. Of `cause`, the first 1,000 characters are kept, and of
/// several the first.
///
/// # Errors
/// When the database is away.
pub async fn park_key<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    consumer: &str,
    topic: &str,
    key: &str,
    cause: &str,
    reach: Parked,
) -> Result<(), Error> {
    // A cause quotes what it could not read, and PostgreSQL keeps no NUL in a text.
    let cause: String = cause.chars().take(1000).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    crate::statement(
        "insert into parked_keys as p (consumer, topic, key, cause, last_offset, failed_again_offset)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (consumer, topic, key) do update
         set last_offset = greatest(p.last_offset, excluded.last_offset),
             failed_again_offset = greatest(p.failed_again_offset, excluded.failed_again_offset)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(topic)
    .bind::<Text, _>(key)
    .bind::<Text, _>(cause)
    .bind::<BigInt, _>(reach.last_offset)
    .bind::<BigInt, _>(reach.failed_again_offset)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets the records of a key through again, unless its dead letters reach beyond `until`; tells whether it does.
///
/// # Errors
/// When the database is away.
pub async fn unpark_key<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    consumer: &str,
    topic: &str,
    key: &str,
    until: i64,
) -> Result<bool, Error> {
    let freed = crate::statement(
        "delete from parked_keys where consumer = $1 and topic = $2 and key = $3 and last_offset <= $4",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(topic)
    .bind::<Text, _>(key)
    .bind::<BigInt, _>(until)
    .execute(tx.connection())
    .await?;
    Ok(freed == 1)
}
