//! Invites somebody to the organisation, sends the invitation again, and takes it back.

use access::Permission;
use kernel::{Clock, InvitationId, Secret};
use mediator::{Command, Tenant, Tx};

use super::permitted;
use crate::{
    domain::{Authority, Email, Invitation, RoleName, role},
    error::Error,
    published,
    store::{api_keys, invitations, memberships, organisations, roles},
};

/// Invites somebody.
#[derive(Debug, Clone)]
pub struct InviteMember {
    /// The id that the invitation will have.
    pub invitation: InvitationId,
    /// Who is invited.
    pub email: Email,
    /// The roles that the person will have, at least one.
    pub roles: Vec<RoleName>,
    /// What accepts the invitation.
    pub token: Secret,
    /// SHA-256 of it.
    pub token_hash: [u8; 32],
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for InviteMember {
    const NAME: &'static str = "auth.invite-member";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Invitation;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Invitation, Error> {
        let organisation = organisations::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        refuse_bound(tx, self.by).await?;
        let own = roles::of(tx, organisation.id).await?;
        role::check_grant(role::allowed(&self.roles, &own)?, by)?;
        let inviter = tx.provenance().actor.clone();
        let invitation =
            Invitation::create(self.invitation, self.email.clone(), self.roles.clone(), inviter, Clock::now());
        invitations::insert(tx, &invitation, &self.token_hash).await?;
        tx.record(invitation.version, published::invitation(&organisation, &invitation, &self.token));
        Ok(invitation)
    }
}

/// Sends an invitation again, with a new token; the former one no longer works.
#[derive(Debug, Clone)]
pub struct ResendInvitation {
    /// The invitation.
    pub invitation: InvitationId,
    /// What accepts it from now on.
    pub token: Secret,
    /// SHA-256 of it.
    pub token_hash: [u8; 32],
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for ResendInvitation {
    const NAME: &'static str = "auth.resend-invitation";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Invitation;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Invitation, Error> {
        let organisation = organisations::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        refuse_bound(tx, self.by).await?;
        let invitation = invitations::lock(tx, self.invitation).await?;
        let invitation = invitation.resent(tx.provenance().actor.clone(), Clock::now())?;
        let own = roles::of(tx, organisation.id).await?;
        role::check_grant(role::stored(&invitation.roles, &own), by)?;
        invitations::save(tx, &invitation, Some(&self.token_hash)).await?;
        tx.record(invitation.version, published::invitation(&organisation, &invitation, &self.token));
        Ok(invitation)
    }
}

/// Takes an invitation back.
#[derive(Debug, Clone)]
pub struct RevokeInvitation {
    /// The invitation.
    pub invitation: InvitationId,
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for RevokeInvitation {
    const NAME: &'static str = "auth.revoke-invitation";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Invitation;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Invitation, Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        let invitation = invitations::lock(tx, self.invitation).await?.revoked(Clock::now())?;
        let own = roles::of(tx, tx.organisation()).await?;
        role::check_grant(role::stored(&invitation.roles, &own), by)?;
        invitations::save(tx, &invitation, None).await?;
        Ok(invitation)
    }
}

/// Refuses a key that counts from some networks or until some time only: whoever it invites would count everywhere and for
/// good.
async fn refuse_bound(tx: &mut Tx<'_>, by: Authority) -> Result<(), Error> {
    let Authority::Key(key) = by else { return Ok(()) };
    let key = api_keys::lock(tx, key).await?.key;
    if key.networks.is_empty() && key.expires_at.is_none() { Ok(()) } else { Err(Error::BoundKey) }
}
