//! Access tokens for tests, signed as auth signs them.
//!
//! The rule it keeps: a service under test verifies them with the very code of production; only the key is made here.

use std::time::Duration;

use access::{Bearer, Claims, Grant, KeyRing, Permissions, Role, SigningKey, Standing, Verifier, thumbprint};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{Clock, CustomerId, KeyId, MembershipId, OrganisationId, SessionId, Timestamp, UserId};

use crate::must;

/// Signs tokens; clones sign with the same key.
#[derive(Clone)]
pub struct Mint {
    kid: KeyId,
    public_key: String,
    secret: EncodingKey,
    keys: KeyRing,
}

impl Default for Mint {
    fn default() -> Mint {
        Mint::new()
    }
}

impl Mint {
    /// The `iss` of its tokens.
    pub const ISSUER: &str = "https://auth.test";
    /// The `aud` of its tokens.
    pub const AUDIENCE: &str = "cyber-store-test";

    /// A fresh key, already in the key ring.
    #[must_use]
    pub fn new() -> Mint {
        let pair = must(Ed25519KeyPair::generate(), "make a signing key");
        let document = must(pair.to_pkcs8(), "write the signing key");
        let kid = KeyId::new();
        let public_key = URL_SAFE_NO_PAD.encode(pair.public_key());
        let keys = KeyRing::new();
        must(keys.apply(&SigningKey { kid, public_key: public_key.clone() }), "put the key into the ring");
        Mint { kid, public_key, secret: EncodingKey::from_ed_der(document.as_ref()), keys }
    }

    /// The ring that holds its public key.
    #[must_use]
    pub fn keys(&self) -> KeyRing {
        self.keys.clone()
    }

    /// A verifier of its tokens.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier::new(self.keys(), Self::ISSUER, Self::AUDIENCE)
    }

    /// Its key as auth would announce it.
    #[must_use]
    pub fn announced(&self) -> contracts::auth::SigningKeyState {
        contracts::auth::SigningKeyState {
            kid: self.kid,
            algorithm: "EdDSA".to_owned(),
            public_key: self.public_key.clone(),
            not_before: Clock::now(),
            retired_at: None,
        }
    }

    /// A token of someone of the organisation, valid for ten minutes from now.
    #[must_use]
    pub fn token(&self, organisation: OrganisationId, roles: &[Role]) -> String {
        self.token_at(organisation, roles, Clock::now(), Duration::from_secs(600))
    }

    /// A token that is valid from `from` for `lifetime`.
    #[must_use]
    pub fn token_at(
        &self,
        organisation: OrganisationId,
        roles: &[Role],
        from: Timestamp,
        lifetime: Duration,
    ) -> String {
        self.sign(&self.claims(&someone(organisation, roles), from, lifetime))
    }

    /// The claims of a token of this grant, valid from `from` for `lifetime`.
    #[must_use]
    pub fn claims(&self, grant: &Grant, from: Timestamp, lifetime: Duration) -> Claims {
        Claims::new(Self::ISSUER, Self::AUDIENCE, grant, from, lifetime)
    }

    /// A token of a customer of the organisation's shop, valid for ten minutes from now.
    #[must_use]
    pub fn customer_token(&self, organisation: OrganisationId, customer: CustomerId) -> String {
        let bearer = Bearer::Customer { customer, organisation, session: SessionId::new() };
        let grant = Grant { bearer, permissions: Permissions::NONE };
        self.sign_as(Claims::CUSTOMER_TYPE, &self.claims(&grant, Clock::now(), Duration::from_secs(600)))
    }

    /// Signs any claims: for tests of tokens that must be refused.
    #[must_use]
    pub fn sign(&self, claims: &impl serde::Serialize) -> String {
        self.sign_as(Claims::TYPE, claims)
    }

    fn sign_as(&self, kind: &str, claims: &impl serde::Serialize) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(thumbprint(&self.public_key));
        must(jsonwebtoken::encode(&header, claims, &self.secret), "sign a token")
    }
}

/// The grant of a new person with these roles in the organisation.
#[must_use]
pub fn someone(organisation: OrganisationId, roles: &[Role]) -> Grant {
    let standing = Standing { session: SessionId::new(), membership: MembershipId::new(), version: 1 };
    let permissions = roles.iter().fold(Permissions::NONE, |all, role| all.union(role.permissions()));
    Grant { bearer: Bearer::Person { user: UserId::new(), organisation, standing }, permissions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_tokens_are_what_production_accepts_and_only_in_their_time() {
        let mint = Mint::new();
        let organisation = OrganisationId::new();
        let verified = mint.verifier().verify(&mint.token(organisation, &[Role::Viewer])).unwrap();
        assert_eq!(verified.caller().organisation(), Some(organisation));
        let past = mint.token_at(
            organisation,
            &[Role::Owner],
            Clock::now() - Duration::from_secs(900),
            Duration::from_secs(60),
        );
        assert!(mint.verifier().verify(&past).is_err());
        assert!(Mint::new().verifier().verify(&mint.token(organisation, &[])).is_err());
    }
}
