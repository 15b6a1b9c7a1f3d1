//! Creates that happen once: the caller's key, what is kept under it, and what a repeat gets.

use kernel::Malformed;
use persistence::ReplayKey;
use sha2::{Digest, Sha256};

use crate::command::Command;
use crate::scope::Scope;

/// A caller's name for one create (draft-ietf-httpapi-idempotency-key-header): 1 to 255 visible
/// ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// When it is empty, too long or has other characters than visible ASCII.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let key = text.trim();
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed::new("idempotency key", "must be 1 to 255 visible ASCII characters without spaces"));
        }
        Ok(Self(key.to_owned()))
    }

    /// The key as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Under what a create is recorded.
#[derive(Clone, Debug)]
pub struct Once {
    /// The caller's key.
    pub key: IdempotencyKey,
    /// SHA-256 of everything that makes the request what it is; see [`Once::digest`].
    pub request_digest: [u8; 32],
}

impl Once {
    /// What the reply is recorded under.
    pub(crate) fn under<C: Command>(&self, scope: &Scope<C::Tenancy>) -> ReplayKey {
        ReplayKey {
            principal: scope.provenance.actor.clone(),
            operation: C::RECORDED_AS.to_owned(),
            idempotency_key: self.key.as_str().to_owned(),
            request_digest: self.request_digest,
        }
    }

    /// The digest of a request's parts; a part's length counts, so that parts cannot run together.
    #[must_use]
    pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// The reply of a create: the same bytes for the first caller and for every repeat.
#[derive(Clone, Debug)]
pub struct Recorded<R> {
    /// The reply as JSON, byte for byte as it was recorded.
    pub body: Vec<u8>,
    /// The reply itself when this request did the work; none when an earlier one did.
    pub reply: Option<R>,
}
