//! One invitation of an organisation.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::InvitationId;
use mediator::{Query, ReadConn, Tenant};

use crate::{domain::Invitation, error::Error, projections::InvitationRow, schema::invitations};

/// Asks for one invitation.
#[derive(Debug, Clone, Copy)]
pub struct FindInvitation {
    /// The invitation.
    pub invitation: InvitationId,
}

impl Query for FindInvitation {
    const NAME: &'static str = "auth.find-invitation";
    const REQUIRES: Permission = Permission::MemberRead;
    type Tenancy = Tenant;
    type Reply = Invitation;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Invitation, Error> {
        let row: Option<InvitationRow> = invitations::table
            .filter(invitations::org_id.eq(read.organisation().uuid()))
            .filter(invitations::invitation_id.eq(self.invitation.uuid()))
            .select(InvitationRow::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.ok_or(Error::UnknownInvitation { invitation: self.invitation })?.try_into()
    }
}

/// [`FindInvitation`] for whoever has just sent it and may not see the others.
#[derive(Debug, Clone, Copy)]
pub struct FindSentInvitation(pub FindInvitation);

impl Query for FindSentInvitation {
    const NAME: &'static str = "auth.find-sent-invitation";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Invitation;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Invitation, Error> {
        self.0.fetch(read).await
    }
}
