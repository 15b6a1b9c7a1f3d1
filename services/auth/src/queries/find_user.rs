//! The caller's own account and organisation.

use access::Permission;
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, Timestamp, UserId};
use mediator::{Query, ReadConn, Tenant};

use crate::{
    domain::{Email, Membership, Name, RoleName, User},
    error::Error,
    projections::OrganisationRow,
    schema::{memberships, organisations, people},
};

/// Asks for one active user of the organisation, and for the organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindUser {
    /// The user to find.
    pub user: UserId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = people, check_for_backend(diesel::pg::Pg))]
struct PersonRow {
    email: String,
    name: String,
}

impl Query for FindUser {
    const NAME: &'static str = "auth.find-user";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Tenant;
    type Reply = Membership;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Membership, Error> {
        let row: Option<(PersonRow, Vec<String>, Timestamp, OrganisationRow)> = memberships::table
            .inner_join(people::table.on(people::user_id.eq(memberships::user_id)))
            .inner_join(organisations::table.on(organisations::org_id.eq(memberships::org_id)))
            .filter(memberships::org_id.eq(read.organisation().uuid()))
            .filter(memberships::user_id.eq(self.user.uuid()))
            .filter(memberships::active)
            .filter(people::active)
            .select((PersonRow::as_select(), memberships::roles, memberships::joined_at, OrganisationRow::as_select()))
            .get_result(read.connection())
            .await
            .optional()?;
        let (person, roles, joined_at, organisation) = row.ok_or(Error::UnknownUser { user: self.user })?;
        let corrupt = |malformed: Malformed| Error::corrupt_account(self.user, &malformed);
        Ok(Membership {
            user: User {
                id: self.user,
                email: Email::parse(&person.email).map_err(corrupt)?,
                name: Name::parse(&person.name).map_err(corrupt)?,
                roles: roles.iter().map(|name| RoleName::parse(name)).collect::<Result<_, _>>().map_err(corrupt)?,
                created_at: joined_at,
            },
            organisation: organisation.try_into()?,
        })
    }
}
