//! Guesses at passwords: locks an account's row, saves it, forgets it, and clears away what is old.

use std::time::Duration;

use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::Tx;

use crate::{domain::Attempts, schema::login_attempts};

/// What identifies an account: the SHA-256 of its e-mail address.
pub type Account = [u8; 32];

/// Rows untouched for that long say nothing any more.
const KEPT: Duration = Duration::from_secs(86_400);
/// How many old rows one attempt clears away: more than the one that it adds, so that they never pile up.
const CLEARED: i64 = 4;

#[derive(Queryable, Selectable)]
#[diesel(table_name = login_attempts, check_for_backend(diesel::pg::Pg))]
struct Row {
    failures: i32,
    locked_until: Timestamp,
}

/// The guesses at an account, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<Attempts, persistence::Error> {
    let organisation = tx.organisation().uuid();
    let row: Row = diesel::insert_into(login_attempts::table)
        .values((
            login_attempts::org_id.eq(organisation),
            login_attempts::account.eq(account.as_slice()),
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

/// Saves the guesses at a locked account.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx<'_>, account: &Account, attempts: Attempts) -> Result<(), persistence::Error> {
    let organisation = tx.organisation().uuid();
    diesel::update(login_attempts::table)
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::account.eq(account.as_slice()))
        .set((login_attempts::failures.eq(attempts.failures), login_attempts::locked_until.eq(attempts.locked_until)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets the guesses at an account: one was right.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx<'_>, account: &Account) -> Result<(), persistence::Error> {
    let organisation = tx.organisation().uuid();
    diesel::delete(login_attempts::table)
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::account.eq(account.as_slice()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Clears away a few rows of long ago, passing over those that somebody else holds.
///
/// # Errors
/// When the database fails.
pub async fn clear(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), persistence::Error> {
    let organisation = tx.organisation().uuid();
    let old: Vec<Vec<u8>> = login_attempts::table
        .filter(login_attempts::org_id.eq(organisation))
        .filter(login_attempts::tried_at.lt(now - KEPT))
        .order(login_attempts::tried_at)
        .limit(CLEARED)
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
