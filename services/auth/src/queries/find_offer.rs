//! The open invitation that a token is for. Until it is found no organisation is known, so the platform asks.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{Clock, InvitationId};
use mediator::{Platform, Query, ReadConn};

use crate::{domain::Email, error::Error, schema::invitations};

/// Asks whom an invitation is for.
#[derive(Debug, Clone)]
pub struct FindOffer {
    /// The invitation that the token names.
    pub invitation: InvitationId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
}

impl Query for FindOffer {
    const NAME: &'static str = "auth.find-offer";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    /// The invited address.
    type Reply = Email;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Email, Error> {
        let email: Option<String> = invitations::table
            .filter(invitations::invitation_id.eq(self.invitation.uuid()))
            .filter(invitations::token_hash.eq(&self.token_hash[..]))
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::revoked_at.is_null())
            .filter(invitations::expires_at.gt(Clock::now()))
            .select(invitations::email)
            .get_result(read.connection())
            .await
            .optional()?;
        let email = email.ok_or(Error::TokenRefused)?;
        Email::parse(&email).map_err(|malformed| Error::corrupt(self.invitation, &malformed))
    }
}
