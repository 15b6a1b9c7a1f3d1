//! What can be changed: one use case per file, or one noun's where they are short. Slow work (hashing a password) is done
//! before a transaction begins.

mod accept_invitation;
mod admit_login;
mod change_member;
mod change_organisation;
mod change_password;
mod clear_sessions;
mod create_organisation;
mod end_sessions;
mod manage_api_keys;
mod manage_invitations;
mod manage_operators;
mod manage_roles;
mod open_session;
mod refresh_session;
mod register_customer;
mod remove_member;
mod request_password_reset;
mod reset_password;
mod suspend_organisation;
mod tend_signing_keys;

pub use accept_invitation::AcceptInvitation;
pub use admit_login::{AdmitLogin, ForgiveAttempt};
pub use change_member::ChangeMember;
pub use change_organisation::ChangeOrganisation;
pub use change_password::{ChangeCustomerPassword, ChangePassword};
pub use clear_sessions::ClearSessions;
pub use create_organisation::CreateOrganisation;
pub use end_sessions::{EndCustomerSessions, EndSessions};
pub use manage_api_keys::{CreateApiKey, NoteApiKeyUse, RevokeApiKey, WithdrawApiKeys};
pub use manage_invitations::{InviteMember, ResendInvitation, RevokeInvitation};
pub use manage_operators::{CreateOperator, OfferSetup, Warrant};
pub use manage_roles::{ChangeRole, CreateRole, DeleteRole};
pub use open_session::OpenSession;
pub use refresh_session::RefreshSession;
pub use register_customer::RegisterCustomer;
pub use remove_member::{LeaveOrganisation, RemoveMember};
pub use request_password_reset::RequestPasswordReset;
pub use reset_password::ResetPassword;
pub use suspend_organisation::SuspendOrganisation;
pub use tend_signing_keys::{RotateSigningKeys, TendSigningKeys};

use access::{Permission, Permissions, Role};
use kernel::{Clock, SessionId, Timestamp};
use persistence::{Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Authority, Email, Meant, Notice, Place, RoleName, role},
    error::Error,
    published,
    store::{api_keys, customers, invitations, memberships, people, roles, sessions},
};

/// The version of a session's end, the first thing that is published of it.
const END: i64 = 1;

/// Has whoever has the account told something at its address.
fn tell(tx: &mut Tx<'_, Platform>, account: AccountId, email: &Email, notice: Notice, now: Timestamp) {
    let version = now.timestamp_micros();
    match account {
        AccountId::Person(user) => tx.record(version, published::account_notice(user, email, notice, now)),
        AccountId::Customer(customer, organisation) => {
            let provenance = tx.provenance().clone();
            let event = published::customer_notice((customer, organisation), email, notice, now);
            tx.record_within(organisation, &provenance, now, version, event);
        }
    }
}

/// Replaces the password that was checked against the hash `verified`; any password when that is none.
async fn set_password(
    tx: &mut Tx<'_, Platform>,
    account: AccountId,
    verified: Option<&PasswordHash>,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<(), Error> {
    match account {
        AccountId::Person(user) => people::set_password(tx, user, verified, hash, now).await,
        AccountId::Customer(customer, _) => customers::set_password(tx, customer, verified, hash).await,
    }
}

/// Ends those of an account's sessions that are meant, and says so to the gateways.
async fn end(tx: &mut Tx<'_, Platform>, account: AccountId, meant: Meant, now: Timestamp) -> Result<usize, Error> {
    let ended = sessions::end(tx, account, meant, now).await?;
    publish_ended(tx, &ended, now);
    Ok(ended.len())
}

/// Tells the gateways of sessions that have ended.
fn publish_ended(tx: &mut Tx<'_, Platform>, ended: &[SessionId], now: Timestamp) {
    for session in ended {
        tx.record(END, published::ended_session(*session, now));
    }
}

/// Saves a changed place and says so to the gateways.
async fn save_place(tx: &mut Tx<'_>, place: &Place) -> Result<(), Error> {
    memberships::save(tx, place).await?;
    settle(tx, std::slice::from_ref(place)).await
}

/// Takes back the invitations that changed places do not allow any more, and tells the gateways of the places.
async fn settle(tx: &mut Tx<'_>, places: &[Place]) -> Result<(), Error> {
    for place in places {
        let allowed = if place.active { place.permissions } else { Permissions::NONE };
        withdraw_invitations(tx, &place.user.to_string(), allowed).await?;
        tx.record(place.version, published::membership(tx.organisation(), place));
    }
    Ok(())
}

/// Takes back the open invitations of somebody who may not send them any more. The memberships are locked.
async fn withdraw_invitations(tx: &mut Tx<'_>, inviter: &str, allowed: Permissions) -> Result<(), Error> {
    let sent = invitations::sent_by(tx, inviter).await?;
    if sent.is_empty() {
        return Ok(());
    }
    let own = roles::of(tx, tx.organisation()).await?;
    for invitation in sent {
        let promised = role::stored(&invitation.roles, &own);
        if !allowed.contains(Permission::MemberManage) || !allowed.includes(promised) {
            invitations::save(tx, &invitation.revoked(Clock::now())?, None).await?;
        }
    }
    Ok(())
}

/// What whoever makes a change may do now. The memberships are locked, so it stays so until the change is made.
async fn permitted(tx: &mut Tx<'_>, by: Authority, required: Permission) -> Result<Permissions, Error> {
    let permissions = match by {
        Authority::Member(user) => {
            let place = memberships::of_person(tx, tx.organisation(), user).await?;
            place.filter(|place| place.active).map_or(Permissions::NONE, |place| place.permissions)
        }
        Authority::Key(key) => match api_keys::lock(tx, key).await?.key {
            key if key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > Clock::now()) => key.permissions,
            _ => Permissions::NONE,
        },
        Authority::System => return Ok(Role::Owner.permissions()),
    };
    let beyond = Permissions::from_iter([required]).without(permissions);
    if beyond == Permissions::NONE { Ok(permissions) } else { Err(Error::BeyondOwn { beyond }) }
}

/// Refuses to let the last owner go. The memberships are locked.
async fn ensure_owner_remains(tx: &mut Tx<'_>, leaving: &Place) -> Result<(), Error> {
    let owners = memberships::with_role(tx, &RoleName::BuiltIn(Role::Owner)).await?;
    if owners.iter().any(|owner| owner.membership != leaving.membership) { Ok(()) } else { Err(Error::LastOwner) }
}
