//! Turns an invitation into a membership of whoever holds its token.

use access::Permission;
use kernel::{Clock, InvitationId, MembershipId, OrganisationId, UserId};
use mediator::{Command, Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{NewPerson, Place, role},
    error::Error,
    published,
    store::{invitations, memberships, organisations, people, roles},
};

/// Accepts an invitation.
#[derive(Debug, Clone)]
pub struct AcceptInvitation {
    /// The invitation that the token names.
    pub invitation: InvitationId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The person to make, if nobody has the address yet; its address must be the invited one.
    pub person: NewPerson,
    /// The hash of that person's password.
    pub password: PasswordHash,
    /// The account that has the address, and the hash that its password was checked against.
    pub known: Option<(UserId, PasswordHash)>,
}

impl Command for AcceptInvitation {
    const NAME: &'static str = "auth.accept-invitation";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    /// The organisation that was joined, and by whom.
    type Reply = (OrganisationId, UserId);
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Self::Reply, Error> {
        let now = Clock::now();
        let organisation = invitations::inviting(tx, self.invitation).await?;
        // Before the invitation, as whoever sends it again does; roles and memberships are then as they are read.
        let inviting = organisations::lock_any(tx, organisation).await?;
        let offer = invitations::lock_offer(tx, self.invitation, &self.token_hash, now).await?;
        if offer.email != self.person.email {
            return Err(Error::TokenRefused);
        }
        if !inviting.active {
            return Err(Error::Suspended);
        }
        let (user, is_new) = people::insert_or_find(tx, &self.person, &self.password, now).await?;
        let proven = match &self.known {
            Some((known, verified)) => *known == user && people::has_password(tx, user, verified).await?,
            None => is_new,
        };
        if !proven {
            return Err(Error::LoginRefused);
        }
        memberships::ensure_room(tx, organisation).await?;
        let permissions = role::stored(&offer.roles, &roles::of(tx, organisation).await?);
        let place = match memberships::of_person(tx, organisation, user).await? {
            Some(place) if place.active => return Err(Error::AlreadyMember { email: offer.email.as_str().to_owned() }),
            Some(place) => {
                let place = Place { active: true, ..place.with_roles(offer.roles, permissions) };
                memberships::save_rejoined(tx, organisation, &place, now).await?;
                place
            }
            None => {
                let (membership, roles) = (MembershipId::new(), offer.roles);
                let place = Place { membership, user, roles, permissions, active: true, version: 1 };
                memberships::insert(tx, organisation, &place, now).await?;
                place
            }
        };
        invitations::accept(tx, self.invitation, now).await?;
        let provenance = tx.provenance().clone();
        let event = published::membership(organisation, &place);
        tx.record_within(organisation, &provenance, now, place.version, event);
        Ok((organisation, user))
    }
}
