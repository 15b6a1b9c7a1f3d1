//! Who is asking, from the verified access token and from nothing else; keys and organisations from auth's topics.
//!
//! The rule it keeps: the gateway holds public keys only, and forwards the very token that it verified.

use access::{KeyRing, Organisations, SigningKey, Verifier};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use contracts::auth::{OrganisationState, SigningKeyState};
use kernel::{KeyId, OrganisationId};
use uuid::Uuid;

use crate::headers::Named;
use crate::refusal::Refusal;

/// What the gateway knows of callers.
#[derive(Debug, Clone)]
pub struct Identity {
    verifier: Verifier,
    keys: KeyRing,
    organisations: Organisations,
}

impl Identity {
    /// Knows nobody until the topics were read.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Identity {
        let keys = KeyRing::new();
        Identity { verifier: Verifier::new(keys.clone(), issuer, audience), keys, organisations: Organisations::new() }
    }

    /// A record of auth's signing keys; without a state it is the key's tombstone.
    pub fn apply_key(&self, key: Uuid, state: Option<SigningKeyState>) {
        match state {
            Some(state) => {
                let key = SigningKey { kid: state.kid, public_key: state.public_key };
                if let Err(error) = self.keys.apply(&key) {
                    tracing::error!(kid = %key.kid, %error, "a published signing key cannot be used; its tokens are refused");
                }
            }
            None => self.keys.remove(KeyId::from_uuid(key)),
        }
    }

    /// A record of auth's organisations; without a state it is the tombstone.
    pub fn apply_organisation(&self, key: Uuid, state: Option<OrganisationState>) {
        match state {
            Some(state) => self.organisations.apply(state.organisation, state.slug, state.currency, state.active),
            None => self.organisations.remove(OrganisationId::from_uuid(key)),
        }
    }

    /// The organisation of a shop's slug, where there is one.
    #[must_use]
    pub fn shop(&self, slug: &str) -> Option<OrganisationId> {
        self.organisations.by_slug(slug).map(|found| found.organisation)
    }

    /// The organisation of the request's token. What `Connection` names does not count: it does not go on either.
    pub fn verify(&self, headers: &HeaderMap, named: &Named) -> Result<OrganisationId, Refusal> {
        let refuse = |reason: String, presented| Refusal::Unauthenticated { reason, presented };
        let token = headers
            .get(AUTHORIZATION)
            .filter(|_| !named.names("authorization"))
            .ok_or_else(|| {
                refuse("send an access token as `Authorization: Bearer …`; log in to get one".to_owned(), false)
            })?
            .as_bytes();
        let token = bearer(token)
            .ok_or_else(|| refuse("the Authorization header is not of the form `Bearer <token>`".to_owned(), true))?;
        let verified = self.verifier.verify(token).map_err(|rejection| refuse(rejection.to_string(), true))?;
        verified
            .caller
            .organisation()
            .ok_or_else(|| refuse("the access token is for no organisation; log in again".to_owned(), true))
    }
}

/// The token of a `Bearer` header; the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = std::str::from_utf8(token).ok()?.trim();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_scheme_carries_a_token() {
        assert_eq!(bearer(b"Bearer abc"), Some("abc"));
        assert_eq!(bearer(b"bearer  abc "), Some("abc"));
        for value in ["Basic abc", "Bearer", "Bearer ", "Bearerabc", "", "abc"] {
            assert_eq!(bearer(value.as_bytes()), None, "{value}");
        }
    }
}
