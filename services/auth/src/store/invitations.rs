//! Invitations: made, sent again and revoked by the organisation, accepted by whoever has the token.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{InvitationId, Malformed, OrganisationId, Timestamp};
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::{
    domain::{Email, Invitation, RoleName},
    error::Error,
    projections::InvitationRow,
    schema::{invitations, memberships, people},
};

/// The index that lets an address have one open invitation of an organisation.
const OPEN: &str = "invitations_open";

/// The most open invitations of an organisation: each sends a message to an address that somebody typed.
const MOST: i64 = 1_000;

/// Inserts an invitation with the hash of its token.
///
/// # Errors
/// `AlreadyMember`, `AlreadyInvited`, `TooMany`, and `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_>, invitation: &Invitation, token_hash: &[u8; 32]) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let email = || invitation.email.as_str().to_owned();
    let member: Option<Uuid> = memberships::table
        .inner_join(people::table.on(people::user_id.eq(memberships::user_id)))
        .filter(memberships::org_id.eq(organisation))
        .filter(memberships::active)
        .filter(people::email.eq(invitation.email.as_str()))
        .select(people::user_id)
        .get_result(tx.connection())
        .await
        .optional()?;
    if member.is_some() {
        return Err(Error::AlreadyMember { email: email() });
    }
    let open: i64 = invitations::table
        .filter(invitations::org_id.eq(organisation))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .count()
        .get_result(tx.connection())
        .await?;
    if open >= MOST {
        return Err(Error::TooMany { what: "open invitations", limit: MOST, advice: "take one back" });
    }
    diesel::insert_into(invitations::table)
        .values((
            invitations::org_id.eq(organisation),
            invitations::invitation_id.eq(invitation.id.uuid()),
            invitations::email.eq(invitation.email.as_str()),
            invitations::roles.eq(invitation.roles.iter().map(RoleName::as_text).collect::<Vec<_>>()),
            invitations::token_hash.eq(&token_hash[..]),
            invitations::invited_by.eq(&invitation.invited_by),
            invitations::created_at.eq(invitation.created_at),
            invitations::expires_at.eq(invitation.expires_at),
            invitations::version.eq(invitation.version),
        ))
        .execute(tx.connection())
        .await
        .map_err(|error| match persistence::Error::from(error) {
            error if error.is_unique(OPEN) => Error::AlreadyInvited { email: email() },
            error => Error::Storage(error),
        })?;
    Ok(())
}

/// One invitation of the organisation, locked until the transaction ends.
///
/// # Errors
/// `UnknownInvitation`, `Corrupt`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>, invitation: InvitationId) -> Result<Invitation, Error> {
    let row: Option<InvitationRow> = invitations::table
        .filter(invitations::org_id.eq(tx.organisation().uuid()))
        .filter(invitations::invitation_id.eq(invitation.uuid()))
        .select(InvitationRow::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or(Error::UnknownInvitation { invitation })?.try_into()
}

/// The open invitations that somebody has sent.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn sent_by(tx: &mut Tx<'_>, inviter: &str) -> Result<Vec<Invitation>, Error> {
    let rows: Vec<InvitationRow> = invitations::table
        .filter(invitations::org_id.eq(tx.organisation().uuid()))
        .filter(invitations::invited_by.eq(inviter))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .order(invitations::invitation_id)
        .select(InvitationRow::as_select())
        .for_update()
        .load(tx.connection())
        .await?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// Saves a changed invitation, with the hash of a new token if it has one.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, invitation: &Invitation, token_hash: Option<&[u8; 32]>) -> Result<(), Error> {
    let row = invitations::table
        .filter(invitations::org_id.eq(tx.organisation().uuid()))
        .filter(invitations::invitation_id.eq(invitation.id.uuid()));
    diesel::update(row)
        .set((
            invitations::invited_by.eq(&invitation.invited_by),
            invitations::expires_at.eq(invitation.expires_at),
            invitations::revoked_at.eq(invitation.revoked_at),
            invitations::version.eq(invitation.version),
            token_hash.map(|hash| invitations::token_hash.eq(&hash[..])),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The organisation of an invitation.
///
/// # Errors
/// `TokenRefused` when there is none, and `Storage` when the database fails.
pub async fn inviting(tx: &mut Tx<'_, Platform>, invitation: InvitationId) -> Result<OrganisationId, Error> {
    let organisation: Option<Uuid> = invitations::table
        .filter(invitations::invitation_id.eq(invitation.uuid()))
        .select(invitations::org_id)
        .get_result(tx.connection())
        .await
        .optional()?;
    organisation.map(OrganisationId::from_uuid).ok_or(Error::TokenRefused)
}

/// An open invitation as whoever accepts it needs it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Who is invited.
    pub email: Email,
    /// The roles that are promised.
    pub roles: Vec<RoleName>,
}

/// The open invitation with this id and this token, locked until the transaction ends.
///
/// # Errors
/// `TokenRefused` when there is none, or it has expired; `Corrupt`, and `Storage` when the database fails.
pub async fn lock_offer(
    tx: &mut Tx<'_, Platform>,
    invitation: InvitationId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Offer, Error> {
    let row: Option<(String, Vec<String>)> = invitations::table
        .filter(invitations::invitation_id.eq(invitation.uuid()))
        .filter(invitations::token_hash.eq(&token_hash[..]))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .select((invitations::email, invitations::roles))
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    let (email, roles) = row.ok_or(Error::TokenRefused)?;
    let corrupt = |malformed: Malformed| Error::corrupt(format_args!("invitation {invitation}"), &malformed);
    Ok(Offer {
        email: Email::parse(&email).map_err(corrupt)?,
        roles: roles.iter().map(|name| RoleName::parse(name)).collect::<Result<_, _>>().map_err(corrupt)?,
    })
}

/// Marks an invitation as accepted.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn accept(tx: &mut Tx<'_, Platform>, invitation: InvitationId, now: Timestamp) -> Result<(), Error> {
    diesel::update(invitations::table.filter(invitations::invitation_id.eq(invitation.uuid())))
        .set((invitations::accepted_at.eq(now), invitations::version.eq(invitations::version + 1)))
        .execute(tx.connection())
        .await?;
    Ok(())
}
