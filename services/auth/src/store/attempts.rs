//! Attempts to log in: locks the rows of what an attempt counts for, saves them, gives them back, deletes old ones.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Binary, Integer, Timestamptz};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::{Platform, Tx, statement};

use crate::{
    domain::{Attempts, Counted, Subject},
    error::Error,
    schema::login_attempts,
};

/// A row that was not touched for this long is of no use: no pause is that long.
const RETENTION: Duration = Duration::from_secs(86_400);
/// How many old rows one attempt deletes: more than those that it adds, so that they never pile up.
const DELETED_AT_ONCE: i64 = 8;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    subject: Vec<u8>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = BigInt)]
    tried: i64,
    #[diesel(sql_type = Timestamptz)]
    locked_until: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    fades_since: Timestamp,
}

/// The attempts of these subjects, locked until the transaction ends, in the order of their digests.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_, Platform>, subjects: &[Subject], now: Timestamp) -> Result<Vec<Attempts>, Error> {
    let rows: Vec<Row> = statement(
        "insert into login_attempts as known (subject, failures, locked_until, fades_since, tried_at)
         select subject, 0, to_timestamp(0), $2, $2 from unnest($1) as asked(subject) order by subject
         on conflict (subject) do update set tried_at = known.tried_at
         returning subject, failures, tried, locked_until, fades_since",
    )
    .bind::<Array<Binary>, _>(subjects.iter().map(Subject::as_bytes).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .load(tx.connection())
    .await?;
    let attempts = subjects.iter().filter_map(|subject| {
        let row = rows.iter().find(|row| row.subject == subject.as_bytes())?;
        let attempts = Attempts {
            subject: *subject,
            failures: row.failures,
            tried: row.tried,
            locked_until: row.locked_until,
            fades_since: row.fades_since,
        };
        Some(attempts.faded(now))
    });
    Ok(attempts.collect())
}

/// Saves locked attempts.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_, Platform>, attempts: &[Attempts], now: Timestamp) -> Result<(), Error> {
    statement(
        "update login_attempts set failures = new.failures, locked_until = new.locked_until, tried = new.tried,
                                   fades_since = new.fades_since, tried_at = $6
           from unnest($1, $2, $3, $4, $5) as new(subject, failures, locked_until, tried, fades_since)
          where login_attempts.subject = new.subject",
    )
    .bind::<Array<Binary>, _>(attempts.iter().map(|attempts| attempts.subject.as_bytes()).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(attempts.iter().map(|attempts| attempts.failures).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(attempts.iter().map(|attempts| attempts.locked_until).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(attempts.iter().map(|attempts| attempts.tried).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(attempts.iter().map(|attempts| attempts.fades_since).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets the attempts of a client that has succeeded; those that others made at the account or from the address stay,
/// without the one that succeeded.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn forgive(tx: &mut Tx<'_, Platform>, subjects: &[Subject], now: Timestamp) -> Result<(), Error> {
    let mut attempts = lock(tx, subjects, now).await?;
    for attempts in &mut attempts {
        attempts.tried = 0;
        attempts.failures = match attempts.subject.counted {
            Counted::AccountFromAddress | Counted::KnownClient => 0,
            Counted::Address | Counted::Account => attempts.failures.saturating_sub(1).max(0),
        };
        if attempts.failures < attempts.subject.counted.free() {
            attempts.locked_until = Timestamp::UNIX_EPOCH;
        }
    }
    save(tx, &attempts, now).await
}

/// Deletes a few old rows, except those that another transaction has locked.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete_old(tx: &mut Tx<'_, Platform>, now: Timestamp) -> Result<(), Error> {
    let old: Vec<Vec<u8>> = login_attempts::table
        .filter(login_attempts::tried_at.lt(now - RETENTION))
        .order(login_attempts::tried_at)
        .limit(DELETED_AT_ONCE)
        .select(login_attempts::subject)
        .for_update()
        .skip_locked()
        .load(tx.connection())
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    diesel::delete(login_attempts::table).filter(login_attempts::subject.eq_any(old)).execute(tx.connection()).await?;
    Ok(())
}
