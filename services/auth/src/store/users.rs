//! Inserts users and notes their logins.

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, UserId};
use persistence::Tx;

use crate::{credentials::PasswordHash, domain::User, schema::users};

/// Inserts a new user with the hash of their password.
///
/// # Errors
/// When the database fails or the address is taken.
pub async fn insert(tx: &mut Tx<'_>, user: &User, password: &PasswordHash) -> Result<(), persistence::Error> {
    let roles: Vec<String> = user.roles.iter().map(ToString::to_string).collect();
    diesel::insert_into(users::table)
        .values((
            users::org_id.eq(tx.organisation().uuid()),
            users::user_id.eq(user.id.uuid()),
            users::email.eq(user.email.as_str()),
            users::name.eq(user.name.as_str()),
            users::password_hash.eq(password.as_str()),
            users::roles.eq(roles),
            users::active.eq(true),
            users::created_at.eq(user.created_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Notes that a user logged in.
///
/// # Errors
/// When the database fails.
pub async fn note_login(tx: &mut Tx<'_>, user: UserId, at: Timestamp) -> Result<(), persistence::Error> {
    let organisation = tx.organisation().uuid();
    diesel::update(users::table)
        .filter(users::org_id.eq(organisation))
        .filter(users::user_id.eq(user.uuid()))
        .set(users::last_login_at.eq(at))
        .execute(tx.connection())
        .await?;
    Ok(())
}
