//! Who runs the installation, and the token that makes the first of them.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::exists};
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, UserId};
use persistence::{Platform, Tx, statement};

use crate::{
    error::Error,
    schema::{operators, setup_tokens},
};

/// Makes somebody an operator; again changes nothing.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_, Platform>, user: UserId, now: Timestamp) -> Result<(), Error> {
    diesel::insert_into(operators::table)
        .values((operators::user_id.eq(user.uuid()), operators::created_at.eq(now)))
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether there is an operator.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn is_any(tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
    let any = diesel::select(exists(operators::table.select(operators::user_id)));
    Ok(any.get_result(tx.connection()).await?)
}

/// Locks whoever becomes an operator out until the transaction ends. Empty tables have no row to lock, so the lock is an
/// advisory one.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
    // Advisory locks are shared by the whole database, so the schema is part of the key.
    statement("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/operators', 0))")
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Keeps the hash of a setup token, of which there is none.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn offer_setup_token(tx: &mut Tx<'_, Platform>, token_hash: &[u8; 32], now: Timestamp) -> Result<(), Error> {
    diesel::insert_into(setup_tokens::table)
        .values((
            setup_tokens::only_one.eq(true),
            setup_tokens::token_hash.eq(&token_hash[..]),
            setup_tokens::created_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets the setup token; the hash that it had.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn withdraw_setup_token(tx: &mut Tx<'_, Platform>) -> Result<Option<[u8; 32]>, Error> {
    let hash: Option<Vec<u8>> = diesel::delete(setup_tokens::table)
        .returning(setup_tokens::token_hash)
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(hash.and_then(|hash| hash.try_into().ok()))
}
