//! What an access token says. Written by auth, read by everybody; every claim is required.

use std::time::Duration;

use kernel::{OrganisationId, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::Role;

/// The claims of an access token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The installation that it is for.
    pub aud: String,
    /// Its bearer.
    pub sub: UserId,
    /// The bearer's organisation.
    pub org: OrganisationId,
    /// The bearer's roles in it.
    pub roles: Vec<Role>,
    /// When it was issued.
    pub iat: i64,
    /// The moment from which it is valid.
    pub nbf: i64,
    /// When it expires.
    pub exp: i64,
    /// The token's own id.
    pub jti: TokenId,
}

impl Claims {
    /// The `typ` that the header of every token has.
    pub const TYPE: &str = "at+jwt";

    /// The claims of a new token that is valid from `now` for `lifetime`, in whole seconds.
    #[must_use]
    pub fn new(
        issuer: &str,
        audience: &str,
        user: UserId,
        organisation: OrganisationId,
        roles: Vec<Role>,
        now: Timestamp,
        lifetime: Duration,
    ) -> Self {
        let issued = now.timestamp();
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub: user,
            org: organisation,
            roles,
            iat: issued,
            nbf: issued,
            exp: issued.saturating_add_unsigned(lifetime.as_secs()),
            jti: TokenId::new(),
        }
    }
}
