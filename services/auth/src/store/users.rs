//! Inserts users, finds the account of a login and notes it. The account is the one question that comes before an
//! organisation is known, so the system role answers it, which sees the columns that this takes and no more.

use access::Role;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Slug, Timestamp, UserId};
use persistence::{SystemTx, Tx};
use uuid::Uuid;

use crate::{
    credentials::PasswordHash,
    domain::{Email, User},
    error::Error,
    schema::{organisations, users},
};

/// Inserts a new user with the hash of their password.
///
/// # Errors
/// `Storage` when the database fails or the organisation has a user of this address.
pub async fn insert(tx: &mut Tx<'_>, user: &User, password: &PasswordHash) -> Result<(), Error> {
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

/// What a login needs of an active account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's user.
    pub user: UserId,
    /// The hash to check the password against.
    pub password: PasswordHash,
    /// The roles that the token will name.
    pub roles: Vec<Role>,
}

/// The active organisation of that slug, and its active account of that address.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a stored role does not exist.
pub async fn find_account(
    system: &mut SystemTx,
    slug: &Slug,
    email: &Email,
) -> Result<Option<(OrganisationId, Option<Account>)>, Error> {
    type Row = (Uuid, Option<(Uuid, String, Vec<String>)>);
    let row: Option<Row> = organisations::table
        .left_join(users::table.on(users::org_id.eq(organisations::org_id).and(users::email.eq(email.as_str()))))
        .filter(organisations::slug.eq(slug.as_str()))
        .select((organisations::org_id, (users::user_id, users::password_hash, users::roles).nullable()))
        .first(system.connection())
        .await
        .optional()?;
    let Some((organisation, account)) = row else { return Ok(None) };
    let account = account.map(|(user, hash, roles)| {
        let user = UserId::from_uuid(user);
        let roles = roles.iter().map(|role| Role::parse(role)).collect::<Result<_, _>>();
        let roles = roles.map_err(|malformed| Error::corrupt_account(user, &malformed))?;
        Ok::<_, Error>(Account { user, password: PasswordHash::stored(hash), roles })
    });
    Ok(Some((OrganisationId::from_uuid(organisation), account.transpose()?)))
}
