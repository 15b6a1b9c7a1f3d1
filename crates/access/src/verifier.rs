//! From a token to a caller. Everything that can be refused without cryptography is refused first. A verified token is
//! remembered by its digest for as long as it is valid and its key is on the ring.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use kernel::{Clock, Timestamp};
use moka::Expiry;
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::keys::Key;
use crate::{Caller, Claims, Grant, KeyRing};

/// Why a token was refused. The text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// It does not have the form of a token, or is longer than any token.
    #[error("the access token is not a token; log in to get one")]
    Malformed,
    /// It is not signed, or with another algorithm than EdDSA.
    #[error("the access token is not signed with EdDSA; only tokens from this installation's login are accepted")]
    Algorithm,
    /// It is of another type, such as an id token.
    #[error("the token is not an access token; only tokens from this installation's login are accepted")]
    Type,
    /// It was signed with a key that is not, or no longer, on the ring.
    #[error("the access token was signed with a key that is not valid here; log in again")]
    UnknownKey,
    /// The signature does not match the content.
    #[error("the access token's signature is wrong; log in again")]
    Signature,
    /// It has expired.
    #[error("the access token has expired; refresh it, or log in again")]
    Expired,
    /// It is not valid yet.
    #[error("the access token is not valid yet; check the clocks")]
    NotYetValid,
    /// It is from another issuer.
    #[error("the access token is from another issuer; log in here")]
    Issuer,
    /// It is for another audience.
    #[error("the access token is for another audience; log in here")]
    Audience,
    /// The signature is right, but a claim is missing or malformed.
    #[error("the access token lacks a claim or has a wrong one; log in again")]
    Claims,
    /// The login that it comes from has ended.
    #[error("the session of this access token has ended; log in again")]
    SessionEnded,
    /// The bearer's membership has changed since it was issued.
    #[error("the roles in this organisation have changed since this access token was issued; refresh it")]
    Outdated,
}

/// What a valid token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Its bearer, and what the token allows.
    pub grant: Grant,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Verifies access tokens; clones share what they remember.
#[derive(Clone)]
pub struct Verifier {
    keys: KeyRing,
    validation: Arc<Validation>,
    remembered: Cache<[u8; 32], Remembered>,
}

impl Verifier {
    /// A longer text is refused unread, bytes. A token of ours has about 600.
    pub const LONGEST_TOKEN: usize = 4_096;
    /// How many verified tokens are remembered.
    pub const MOST_REMEMBERED: u64 = 10_000;
    /// By how much clocks may differ, in seconds.
    pub const LEEWAY: u64 = 5;

    /// Accepts the tokens of one issuer that are meant for one audience and signed with a key of the ring.
    #[must_use]
    pub fn new(keys: KeyRing, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub", "nbf"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.validate_nbf = true;
        validation.leeway = Self::LEEWAY;
        let remembered = Cache::builder().max_capacity(Self::MOST_REMEMBERED).expire_after(WithTheToken).build();
        Self { keys, validation: Arc::new(validation), remembered }
    }

    /// Turns the text behind "Bearer " into a caller.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn verify(&self, token: &str) -> Result<Verified, Rejection> {
        if token.len() > Self::LONGEST_TOKEN {
            return Err(Rejection::Malformed);
        }
        let digest = <[u8; 32]>::from(Sha256::digest(token));
        if let Some(known) = self.remembered.get(&digest) {
            if self.keys.holds(&known.key) && known.has_time_left(Clock::now()) {
                return Ok(known.verified);
            }
            self.remembered.invalidate(&digest);
        }
        let Header { typ, kid, .. } = read_header(token)?;
        let kid = kid.ok_or(Rejection::UnknownKey)?;
        let key = self.keys.find(&kid).ok_or(Rejection::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation)
            .map_err(|error| rejection(error.kind()))?
            .claims;
        let expires_at = Timestamp::from_timestamp(claims.exp, 0).ok_or(Rejection::Claims)?;
        let grant = claims.grant().ok_or(Rejection::Claims)?;
        if typ.as_deref() != Some(grant.bearer.token_type()) {
            return Err(Rejection::Type);
        }
        let verified = Verified { grant, expires_at };
        self.remembered.insert(digest, Remembered { key, verified });
        Ok(verified)
    }
}

impl Verified {
    /// The caller that the bearer is.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.grant.caller()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Remembered {
    key: Arc<Key>,
    verified: Verified,
}

impl Remembered {
    fn has_time_left(&self, now: Timestamp) -> bool {
        self.verified.expires_at + LEEWAY > now
    }
}

const LEEWAY: Duration = Duration::from_secs(Verifier::LEEWAY);

/// An entry expires with its token, which frees its memory.
struct WithTheToken;

impl Expiry<[u8; 32], Remembered> for WithTheToken {
    fn expire_after_create(&self, _: &[u8; 32], value: &Remembered, _: Instant) -> Option<Duration> {
        let left = (value.verified.expires_at + LEEWAY).signed_duration_since(Clock::now());
        Some(left.to_std().unwrap_or(Duration::ZERO))
    }
}

/// The parts of a token's header that are checked before a key is looked up.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    /// Extensions that the reader must understand; we understand none.
    crit: Option<serde_json::Value>,
}

fn read_header(token: &str) -> Result<Header, Rejection> {
    let parts: Vec<_> = token.splitn(4, '.').collect();
    let [header, _, signature] = parts[..] else {
        return Err(Rejection::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Rejection::Malformed)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| Rejection::Malformed)?;
    if header.alg != "EdDSA" {
        return Err(Rejection::Algorithm);
    }
    let known = [Claims::TYPE, Claims::CUSTOMER_TYPE];
    if !header.typ.as_deref().is_some_and(|typ| known.contains(&typ)) || header.crit.is_some() {
        return Err(Rejection::Type);
    }
    if signature.is_empty() {
        return Err(Rejection::Signature);
    }
    Ok(header)
}

fn rejection(kind: &ErrorKind) -> Rejection {
    match kind {
        ErrorKind::InvalidSignature => Rejection::Signature,
        ErrorKind::ExpiredSignature => Rejection::Expired,
        ErrorKind::ImmatureSignature => Rejection::NotYetValid,
        ErrorKind::InvalidIssuer => Rejection::Issuer,
        ErrorKind::InvalidAudience => Rejection::Audience,
        ErrorKind::InvalidAlgorithm | ErrorKind::MissingAlgorithm | ErrorKind::UnsupportedAlgorithm => {
            Rejection::Algorithm
        }
        ErrorKind::InvalidToken | ErrorKind::Base64(_) => Rejection::Malformed,
        // Claims are decoded after the signature was checked, so whatever else fails is a claim.
        _ => Rejection::Claims,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use kernel::{ApiKeyId, KeyId, OrganisationId};

    use super::*;
    use crate::{Bearer, Role, SigningKey, thumbprint};

    #[test]
    fn a_token_that_was_verified_once_is_not_verified_again() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public_key = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let kid = thumbprint(&public_key);
        let keys = KeyRing::new();
        keys.apply(&SigningKey { kid: KeyId::new(), public_key }).unwrap();
        let grant = Grant {
            bearer: Bearer::Integration { key: ApiKeyId::new(), organisation: OrganisationId::new() },
            permissions: Role::Viewer.permissions(),
        };
        let claims = Claims::new("issuer", "audience", &grant, Clock::now(), Duration::from_secs(60));
        let header = serde_json::json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}).to_string();
        let content =
            [header, serde_json::to_string(&claims).unwrap()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let token = format!("{content}.{}", URL_SAFE_NO_PAD.encode(pair.sign(content.as_bytes())));

        let verifier = Verifier::new(keys, "issuer", "audience");
        // This one would refuse the token if it verified it, so what it accepts is remembered.
        let mut stricter = Verifier::new(verifier.keys.clone(), "another issuer", "audience");
        assert_eq!(stricter.verify(&token), Err(Rejection::Issuer));
        stricter.remembered = verifier.remembered.clone();
        let verified = verifier.verify(&token).unwrap();
        assert_eq!(stricter.verify(&token).unwrap(), verified);
        verifier.remembered.run_pending_tasks();
        assert_eq!(verifier.remembered.entry_count(), 1);
    }
}
