//! The account that somebody wants to log in to. It is the one question that comes before an organisation is known, so
//! the system role answers it, which sees the columns that this takes and no more.

use access::Role;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Slug, UserId};
use persistence::SystemTx;
use uuid::Uuid;

use crate::{
    credentials::PasswordHash,
    domain::Email,
    error::Error,
    schema::{organisations, users},
};

/// What a login needs of an active account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub user: UserId,
    /// The hash to check the password against.
    pub password: PasswordHash,
    /// What the token will say.
    pub roles: Vec<Role>,
}

/// The active organisation of that slug, and its active account of that address.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when the stored roles are not ours.
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
        .optional()
        .map_err(persistence::Error::from)?;
    let Some((organisation, account)) = row else { return Ok(None) };
    let account = account.map(|(user, hash, roles)| {
        let user = UserId::from_uuid(user);
        let roles = super::find_user::roles(user, &roles)?;
        Ok::<_, Error>(Account { user, password: PasswordHash::stored(hash), roles })
    });
    Ok(Some((OrganisationId::from_uuid(organisation), account.transpose()?)))
}
