//! The caller's own account and organisation.

use access::Permission;
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Malformed, OrganisationId, Slug, Timestamp, UserId};
use mediator::{Query, ReadConn, Tenant};
use uuid::Uuid;

use crate::{
    domain::{Country, Email, Membership, Name, Organisation, RoleName, TimeZone, User},
    error::Error,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = organisations, check_for_backend(diesel::pg::Pg))]
pub(super) struct OrganisationRow {
    pub(super) org_id: Uuid,
    slug: String,
    name: String,
    currency: String,
    country: Option<String>,
    time_zone: String,
    guests: bool,
    active: bool,
    version: i64,
    created_at: Timestamp,
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
            organisation: organisation.organisation().map_err(corrupt)?,
        })
    }
}

impl OrganisationRow {
    pub(super) fn organisation(self) -> Result<Organisation, Malformed> {
        Ok(Organisation {
            id: OrganisationId::from_uuid(self.org_id),
            slug: Slug::parse(&self.slug)?,
            name: Name::parse(&self.name)?,
            currency: Currency::parse(&self.currency)?,
            country: self.country.as_deref().map(Country::parse).transpose()?,
            time_zone: TimeZone::parse(&self.time_zone)?,
            guests: self.guests,
            active: self.active,
            version: self.version,
            created_at: self.created_at,
        })
    }
}
