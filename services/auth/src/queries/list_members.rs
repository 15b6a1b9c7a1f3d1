//! The members of an organisation.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, MembershipId, Timestamp, UserId};
use mediator::{Query, ReadConn, Tenant};
use persistence::statement;
use uuid::Uuid;

use crate::{
    domain::{Email, Member, Name, RoleName, role},
    error::Error,
};

/// Asks for the members of the organisation, by name; at most 1,000.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListMembers {
    /// Only this one.
    pub membership: Option<MembershipId>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    membership_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    roles: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    own_permissions: Vec<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    joined_at: Timestamp,
}

impl Query for ListMembers {
    const NAME: &'static str = "auth.list-members";
    const REQUIRES: Permission = Permission::MemberRead;
    type Tenancy = Tenant;
    type Reply = Vec<Member>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let organisation = read.organisation().uuid();
        let rows: Vec<Row> = statement(
            "select m.membership_id, m.user_id, p.email, p.name, m.roles, m.version, m.joined_at,
                    array(select unnest(r.permissions) from roles r
                           where r.org_id = m.org_id and r.name = any(m.roles)) as own_permissions
               from memberships m join people p on p.user_id = m.user_id
              where m.org_id = $1 and m.active and ($2 is null or m.membership_id = $2)
              order by p.name, m.membership_id
              limit 1000",
        )
        .bind::<SqlUuid, _>(organisation)
        .bind::<Nullable<SqlUuid>, _>(self.membership.map(MembershipId::uuid))
        .load(read.connection())
        .await?;
        rows.into_iter().map(Row::member).collect()
    }
}

/// [`ListMembers`] for whoever has just changed one and may not see the others.
#[derive(Debug, Clone, Copy)]
pub struct FindChangedMember {
    /// The member.
    pub membership: MembershipId,
}

impl Query for FindChangedMember {
    const NAME: &'static str = "auth.find-changed-member";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Member;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Member, Error> {
        let found = ListMembers { membership: Some(self.membership) }.fetch(read).await?.pop();
        found.ok_or(Error::UnknownMember { membership: self.membership })
    }
}

impl Row {
    fn member(self) -> Result<Member, Error> {
        let id = MembershipId::from_uuid(self.membership_id);
        let corrupt = |malformed: Malformed| Error::corrupt(format_args!("membership {id}"), &malformed);
        let roles =
            self.roles.iter().map(|name| RoleName::parse(name)).collect::<Result<Vec<_>, _>>().map_err(corrupt)?;
        let permissions = role::united(&roles, role::read_words(&self.own_permissions));
        Ok(Member {
            id,
            user: UserId::from_uuid(self.user_id),
            email: Email::parse(&self.email).map_err(corrupt)?,
            name: Name::parse(&self.name).map_err(corrupt)?,
            roles,
            permissions: role::words(permissions),
            version: self.version,
            joined_at: self.joined_at,
        })
    }
}
