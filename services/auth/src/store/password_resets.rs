//! What allows choosing a new password. The rule: one per account, used once, and a newer one replaces it.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, query_dsl::methods::FilterDsl};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::{Platform, Tx};

use crate::{domain::AccountId, error::Error, schema::password_resets};

/// Keeps the hash of an account's new token instead of the former one, unless that is younger than `since`: whoever asks for a
/// token again and again must not make the delivered one worthless. Whether the new one is kept.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn replace(
    tx: &mut Tx<'_, Platform>,
    account: AccountId,
    token_hash: &[u8; 32],
    (since, now, expires_at): (Timestamp, Timestamp, Timestamp),
) -> Result<bool, Error> {
    let values = (
        password_resets::token_hash.eq(&token_hash[..]),
        password_resets::created_at.eq(now),
        password_resets::expires_at.eq(expires_at),
    );
    let upsert = diesel::insert_into(password_resets::table)
        .values((password_resets::account_id.eq(account.uuid()), values))
        .on_conflict(password_resets::account_id)
        .do_update()
        .set(values);
    let kept = FilterDsl::filter(upsert, password_resets::created_at.lt(since)).execute(tx.connection()).await?;
    Ok(kept == 1)
}

/// Forgets an account's token.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete(tx: &mut Tx<'_, Platform>, account: AccountId) -> Result<(), Error> {
    let of_account = QueryDsl::filter(password_resets::table, password_resets::account_id.eq(account.uuid()));
    diesel::delete(of_account).execute(tx.connection()).await?;
    Ok(())
}

/// Forgets tokens that have expired.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete_expired(tx: &mut Tx<'_, Platform>, now: Timestamp) -> Result<(), Error> {
    let expired = QueryDsl::filter(password_resets::table, password_resets::expires_at.le(now));
    diesel::delete(expired).execute(tx.connection()).await?;
    Ok(())
}

/// Uses up an account's token.
///
/// # Errors
/// `TokenRefused` when it is not the account's or has expired; `Storage` when the database fails.
pub async fn take(
    tx: &mut Tx<'_, Platform>,
    account: AccountId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), Error> {
    let of_account = password_resets::account_id.eq(account.uuid());
    let valid = password_resets::token_hash.eq(&token_hash[..]).and(password_resets::expires_at.gt(now));
    let valid = QueryDsl::filter(password_resets::table, of_account.and(valid));
    let taken = diesel::delete(valid).execute(tx.connection()).await?;
    if taken == 1 { Ok(()) } else { Err(Error::TokenRefused) }
}
