//! The row of an invitation, without the hash of its token.

use diesel::{Queryable, Selectable};
use kernel::{InvitationId, Malformed, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{Email, Invitation, RoleName},
    error::Error,
    schema::invitations,
};

/// An invitation as it is stored.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = invitations, check_for_backend(diesel::pg::Pg))]
pub struct InvitationRow {
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

impl TryFrom<InvitationRow> for Invitation {
    type Error = Error;

    fn try_from(row: InvitationRow) -> Result<Self, Error> {
        let id = InvitationId::from_uuid(row.invitation_id);
        let corrupt = |malformed: Malformed| Error::corrupt(format_args!("invitation {id}"), &malformed);
        Ok(Self {
            id,
            email: Email::parse(&row.email).map_err(corrupt)?,
            roles: row.roles.iter().map(|name| RoleName::parse(name)).collect::<Result<_, _>>().map_err(corrupt)?,
            invited_by: row.invited_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            accepted_at: row.accepted_at,
            revoked_at: row.revoked_at,
            version: row.version,
        })
    }
}
