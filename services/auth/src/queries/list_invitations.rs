//! The invitations of an organisation.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{InvitationId, Malformed, Timestamp};
use mediator::{Query, ReadConn, Tenant};
use uuid::Uuid;

use crate::{
    domain::{Email, Invitation, RoleName},
    error::Error,
    schema::invitations,
};

/// Asks for the latest 1,000 invitations of the organisation, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListInvitations;

#[derive(Queryable, Selectable)]
#[diesel(table_name = invitations, check_for_backend(diesel::pg::Pg))]
struct Row {
    invitation_id: Uuid,
    email: String,
    roles: Vec<String>,
    invited_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    accepted_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    version: i64,
}

impl Query for ListInvitations {
    const NAME: &'static str = "auth.list-invitations";
    const REQUIRES: Permission = Permission::MemberRead;
    type Tenancy = Tenant;
    type Reply = Vec<Invitation>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let rows: Vec<Row> = invitations::table
            .filter(invitations::org_id.eq(read.organisation().uuid()))
            .order(invitations::invitation_id.desc())
            .limit(1_000)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(Row::invitation).collect()
    }
}

impl Row {
    fn invitation(self) -> Result<Invitation, Error> {
        let id = InvitationId::from_uuid(self.invitation_id);
        let corrupt = |malformed: Malformed| Error::corrupt(format_args!("invitation {id}"), &malformed);
        Ok(Invitation {
            id,
            email: Email::parse(&self.email).map_err(corrupt)?,
            roles: self.roles.iter().map(|name| RoleName::parse(name)).collect::<Result<_, _>>().map_err(corrupt)?,
            invited_by: self.invited_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            accepted_at: self.accepted_at,
            revoked_at: self.revoked_at,
            version: self.version,
        })
    }
}
