//! Attempts to log in: locks an account's row, saves it, deletes it, and deletes rows that are old.

use std::time::Duration;

use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::Tx;

use crate::{
    domain::{AccountDigest, Attempts},
    error::Error,
    schema::login_attempts,
};

/// A row that was not touched for this long is of no use: no pause is that long.
const RETENTION: Duration = Duration::from_secs(86_400);
/// How many old rows one attempt deletes: more than the one that it adds, so that they never pile up.
const DELETED_AT_ONCE: i64 = 4;

#[derive(Queryable, Selectable)]
#[diesel(table_name = login_attempts, check_for_backend(diesel::pg::Pg))]
struct Row {
    failures: i32,
    locked_until: Timestamp,
}

/// The attempts at an account, locked until the transaction ends.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>, account: AccountDigest, now: Timestamp) -> Result<Attempts, Error> {
    let organisation = tx.organisation().uuid();
    let row: Row = diesel::insert_into(login_attempts::table)
        .values((
            login_attempts::org_id.eq(organisation),
            login_attempts::account.eq(account.as_bytes()),
            login_attempts::failures.eq(0),
            login_attempts::locked_until.eq(now),
            login_attempts::tried_at.eq(now),
        ))
        .on_conflict((login_attempts::org_id, login_attempts::account))
        .do_update()
        .set(login_attempts::tried_at.eq(now))
        .returning(Row::as_returning())
        .get_result(tx.connection())
        .await?;
    Ok(Attempts { failures: row.failures, locked_until: row.locked_until })
}

/// Saves the attempts at a locked account.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, account: AccountDigest, attempts: Attempts) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    diesel::update(login_attempts::table)
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::account.eq(account.as_bytes()))
        .set((login_attempts::failures.eq(attempts.failures), login_attempts::locked_until.eq(attempts.locked_until)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets the attempts at an account, after one succeeded.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn forget(tx: &mut Tx<'_>, account: AccountDigest) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    diesel::delete(login_attempts::table)
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::account.eq(account.as_bytes()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Deletes a few old rows, except those that another transaction has locked.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let old: Vec<Vec<u8>> = login_attempts::table
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::tried_at.lt(now - RETENTION))
        .order(login_attempts::tried_at)
        .limit(DELETED_AT_ONCE)
        .select(login_attempts::account)
        .for_update()
        .skip_locked()
        .load(tx.connection())
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    diesel::delete(login_attempts::table)
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::account.eq_any(old))
        .execute(tx.connection())
        .await?;
    Ok(())
}
