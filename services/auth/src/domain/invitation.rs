//! An invitation to an organisation. The rule: it is accepted once, by whoever has its token, and not after it was revoked
//! or has expired.

use std::time::Duration;

use kernel::{InvitationId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Email, RoleName};
use crate::error::Error;

/// How long an invitation can be accepted after it was sent.
pub const INVITATION_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// An invitation as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    /// What its address has; the token names it too.
    pub id: InvitationId,
    /// Who is invited.
    pub email: Email,
    /// The roles that the person will have.
    pub roles: Vec<RoleName>,
    /// Who invited them, or sent the invitation again: a member, or an API key.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Rises by one with every change.
    pub version: i64,
}

impl Invitation {
    /// A new invitation.
    #[must_use]
    pub fn create(id: InvitationId, email: Email, roles: Vec<RoleName>, invited_by: String, now: Timestamp) -> Self {
        Self {
            id,
            email,
            roles,
            invited_by,
            created_at: now,
            expires_at: now + INVITATION_LIFE,
            accepted_at: None,
            revoked_at: None,
            version: 1,
        }
    }

    /// The invitation, sent again by somebody who answers for it from then on: it lasts anew.
    ///
    /// # Errors
    /// `InvitationOver` when it was accepted or revoked.
    pub fn resent(self, invited_by: String, now: Timestamp) -> Result<Self, Error> {
        self.is_open()?;
        Ok(Self { invited_by, expires_at: now + INVITATION_LIFE, version: self.version + 1, ..self })
    }

    /// The invitation, revoked.
    ///
    /// # Errors
    /// `InvitationOver` when it was accepted or revoked before.
    pub fn revoked(self, now: Timestamp) -> Result<Self, Error> {
        self.is_open()?;
        Ok(Self { revoked_at: Some(now), version: self.version + 1, ..self })
    }

    fn is_open(&self) -> Result<(), Error> {
        match (self.accepted_at, self.revoked_at) {
            (None, None) => Ok(()),
            _ => Err(Error::InvitationOver { invitation: self.id }),
        }
    }
}
