//! The account that somebody wants to log in to. Until it is found no organisation is known, so the platform asks: its
//! role sees the columns that this takes, of active organisations and active users.

use access::{Permission, Role};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Slug, UserId};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::{
    credentials::PasswordHash,
    domain::Email,
    error::Error,
    schema::{organisations, users},
};

/// Asks for the active organisation of a slug, and for its active account of an e-mail address.
#[derive(Debug, Clone)]
pub struct FindAccount {
    /// The organisation's slug.
    pub organisation: Slug,
    /// The address of the account.
    pub email: Email,
}

/// What a login needs of an account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's user.
    pub user: UserId,
    /// The hash to check the password against.
    pub password: PasswordHash,
    /// The roles that the token will name.
    pub roles: Vec<Role>,
}

impl Query for FindAccount {
    const NAME: &'static str = "auth.find-account";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    /// The organisation, if there is one, and its account, if there is one.
    type Reply = Option<(OrganisationId, Option<Account>)>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        type Row = (Uuid, Option<(Uuid, String, Vec<String>)>);
        let of_address = users::org_id.eq(organisations::org_id).and(users::email.eq(self.email.as_str()));
        let row: Option<Row> = organisations::table
            .left_join(users::table.on(of_address))
            .filter(organisations::slug.eq(self.organisation.as_str()))
            .select((organisations::org_id, (users::user_id, users::password_hash, users::roles).nullable()))
            .get_result(read.connection())
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
}
