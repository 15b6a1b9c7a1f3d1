//! Who runs the installation, and the token that makes the first of them.

use diesel::{ExpressionMethods, QueryDsl, dsl::exists};
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, UserId};
use persistence::{Platform, Tx};

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

/// Keeps the hash of a new setup token instead of the former one.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn replace_setup_token(
    tx: &mut Tx<'_, Platform>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), Error> {
    let values = (setup_tokens::token_hash.eq(&token_hash[..]), setup_tokens::created_at.eq(now));
    diesel::insert_into(setup_tokens::table)
        .values((setup_tokens::only_one.eq(true), values))
        .on_conflict(setup_tokens::only_one)
        .do_update()
        .set(values)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Uses up the setup token.
///
/// # Errors
/// `SetupRefused` when it is another one or was used; `Storage` when the database fails.
pub async fn take_setup_token(tx: &mut Tx<'_, Platform>, token_hash: &[u8; 32]) -> Result<(), Error> {
    let matching = setup_tokens::table.filter(setup_tokens::token_hash.eq(&token_hash[..]));
    let taken = diesel::delete(matching).execute(tx.connection()).await?;
    if taken == 1 { Ok(()) } else { Err(Error::SetupRefused) }
}
