//! The caller's own account and organisation.

use access::{Permission, Role};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Malformed, OrganisationId, Slug, Timestamp, UserId};
use mediator::{Query, ReadConn, Tenant};
use uuid::Uuid;

use crate::{
    domain::{Email, Membership, Name, Organisation, User},
    error::Error,
    schema::{organisations, users},
};

/// Asks for one active user of the organisation, and for the organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindUser {
    /// The user to find.
    pub user: UserId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
struct UserRow {
    email: String,
    name: String,
    roles: Vec<String>,
    created_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = organisations, check_for_backend(diesel::pg::Pg))]
struct OrganisationRow {
    org_id: Uuid,
    slug: String,
    name: String,
    currency: String,
    active: bool,
    version: i64,
    created_at: Timestamp,
}

impl Query for FindUser {
    const NAME: &'static str = "auth.find-user";
    const REQUIRES: Permission = Permission::OrganisationRead;
    type Tenancy = Tenant;
    type Reply = Membership;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Membership, Error> {
        let organisation = read.organisation().uuid();
        let row: Option<(UserRow, OrganisationRow)> = users::table
            .inner_join(organisations::table.on(organisations::org_id.eq(users::org_id)))
            .filter(users::org_id.eq(organisation))
            .filter(users::user_id.eq(self.user.uuid()))
            .filter(users::active)
            .select((UserRow::as_select(), OrganisationRow::as_select()))
            .get_result(read.connection())
            .await
            .optional()?;
        let (user, organisation) = row.ok_or(Error::UnknownUser { user: self.user })?;
        let corrupt = |malformed: Malformed| Error::corrupt_account(self.user, &malformed);
        Ok(Membership {
            user: User {
                id: self.user,
                email: Email::parse(&user.email).map_err(corrupt)?,
                name: Name::parse(&user.name).map_err(corrupt)?,
                roles: user.roles.iter().map(|role| Role::parse(role)).collect::<Result<_, _>>().map_err(corrupt)?,
                created_at: user.created_at,
            },
            organisation: Organisation {
                id: OrganisationId::from_uuid(organisation.org_id),
                slug: Slug::parse(&organisation.slug).map_err(corrupt)?,
                name: Name::parse(&organisation.name).map_err(corrupt)?,
                currency: Currency::parse(&organisation.currency).map_err(corrupt)?,
                active: organisation.active,
                version: organisation.version,
                created_at: organisation.created_at,
            },
        })
    }
}
