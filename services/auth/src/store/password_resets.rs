//! What allows choosing a new password. The rule: one per person, used once, and a newer one replaces it.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, UserId};
use persistence::{Platform, Tx};

use crate::{error::Error, schema::password_resets};

/// Keeps the hash of a person's new token instead of the former one.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn replace(
    tx: &mut Tx<'_, Platform>,
    user: UserId,
    token_hash: &[u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let values = (
        password_resets::token_hash.eq(&token_hash[..]),
        password_resets::created_at.eq(now),
        password_resets::expires_at.eq(expires_at),
    );
    diesel::insert_into(password_resets::table)
        .values((password_resets::user_id.eq(user.uuid()), values))
        .on_conflict(password_resets::user_id)
        .do_update()
        .set(values)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Uses up a person's token.
///
/// # Errors
/// `TokenRefused` when it is not the person's or has expired; `Storage` when the database fails.
pub async fn take(tx: &mut Tx<'_, Platform>, user: UserId, token_hash: &[u8; 32], now: Timestamp) -> Result<(), Error> {
    let valid = password_resets::table
        .filter(password_resets::user_id.eq(user.uuid()))
        .filter(password_resets::token_hash.eq(&token_hash[..]))
        .filter(password_resets::expires_at.gt(now));
    let taken = diesel::delete(valid).execute(tx.connection()).await?;
    if taken == 1 { Ok(()) } else { Err(Error::TokenRefused) }
}
