//! The invitations of an organisation.

use access::Permission;
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, ReadConn, Tenant};

use crate::{domain::Invitation, error::Error, projections::InvitationRow, schema::invitations};

/// Asks for 1,000 invitations of the organisation: first the open ones, of which there are no more, then those that are over;
/// each the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListInvitations;

impl Query for ListInvitations {
    const NAME: &'static str = "auth.list-invitations";
    const REQUIRES: Permission = Permission::MemberRead;
    type Tenancy = Tenant;
    type Reply = Vec<Invitation>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let over = invitations::accepted_at.is_not_null().or(invitations::revoked_at.is_not_null());
        let rows: Vec<InvitationRow> = invitations::table
            .filter(invitations::org_id.eq(read.organisation().uuid()))
            .order((over, invitations::invitation_id.desc()))
            .limit(1_000)
            .select(InvitationRow::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(Invitation::try_from).collect()
    }
}
