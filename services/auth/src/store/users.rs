//! Inserts the first user of an organisation, and notes logins.

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Timestamp, UserId};
use persistence::{Platform, Tx};

use crate::{credentials::PasswordHash, domain::User, error::Error, schema::users};

/// Inserts the owner of a new organisation with the hash of their password.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert_owner(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    owner: &User,
    password: &PasswordHash,
) -> Result<(), Error> {
    let roles: Vec<String> = owner.roles.iter().map(ToString::to_string).collect();
    diesel::insert_into(users::table)
        .values((
            users::org_id.eq(organisation.uuid()),
            users::user_id.eq(owner.id.uuid()),
            users::email.eq(owner.email.as_str()),
            users::name.eq(owner.name.as_str()),
            users::password_hash.eq(password.as_str()),
            users::roles.eq(roles),
            users::active.eq(true),
            users::created_at.eq(owner.created_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Notes that a user logged in.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn note_login(tx: &mut Tx<'_>, user: UserId, at: Timestamp) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    diesel::update(users::table)
        .filter(users::org_id.eq(organisation))
        .filter(users::user_id.eq(user.uuid()))
        .set(users::last_login_at.eq(at))
        .execute(tx.connection())
        .await?;
    Ok(())
}
