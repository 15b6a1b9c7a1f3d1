//! Parked keys: aggregates with a dead letter.
//! The rule: a later record of such a key waits behind the dead letter instead of overtaking it.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::transaction::Tx;

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Text)]
    topic: String,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Which of these (topic, key) pairs are parked for `consumer`.
///
/// # Errors
/// When the database is away.
pub async fn parked_among(
    tx: &mut Tx<'_>,
    consumer: &str,
    keys: &[(String, String)],
) -> Result<HashSet<(String, String)>, Error> {
    let rows: Vec<KeyRow> = crate::statement(
        "select p.topic, p.key from parked_keys p
         join unnest($2, $3) as k(topic, key) on p.topic = k.topic and p.key = k.key
         where p.consumer = $1",
    )
    .bind::<Text, _>(consumer)
    .bind::<Array<Text>, _>(keys.iter().map(|(topic, _)| topic.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.topic, row.key)).collect())
}

/// Parks a key; parking it again changes nothing. Of `cause`, the first 1,000 characters are kept.
///
/// # Errors
/// When the database is away.
pub async fn park_key(tx: &mut Tx<'_>, consumer: &str, topic: &str, key: &str, cause: &str) -> Result<(), Error> {
    // A cause quotes what it could not read, and PostgreSQL keeps no NUL in a text.
    let cause: String = cause.chars().take(1000).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    crate::statement(
        "insert into parked_keys (consumer, topic, key, cause) values ($1, $2, $3, $4)
         on conflict do nothing",
    )
    .bind::<Text, _>(consumer)
    .bind::<Text, _>(topic)
    .bind::<Text, _>(key)
    .bind::<Text, _>(cause)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets the records of a key through again.
///
/// # Errors
/// When the database is away.
pub async fn unpark_key(tx: &mut Tx<'_>, consumer: &str, topic: &str, key: &str) -> Result<(), Error> {
    crate::statement("delete from parked_keys where consumer = $1 and topic = $2 and key = $3")
        .bind::<Text, _>(consumer)
        .bind::<Text, _>(topic)
        .bind::<Text, _>(key)
        .execute(tx.connection())
        .await?;
    Ok(())
}
