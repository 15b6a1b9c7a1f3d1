//! What auth publishes: the public keys that verify its tokens, and the organisations. Both are state.

use kernel::{Currency, KeyId, OrganisationId, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{channel, topics};

/// A public key that verifies access tokens. Its tombstone revokes it and every token signed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningKeyState {
    /// The `kid` of tokens and of the JWKS.
    pub kid: KeyId,
    /// Always "EdDSA".
    pub algorithm: String,
    /// The JWK's `x`: 32 bytes in base64url without padding.
    pub public_key: String,
    /// When tokens may first be signed with it.
    pub not_before: Timestamp,
    /// When it stopped signing; what it has signed stays valid until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

channel::state!(SigningKeyState on topics::SIGNING_KEY, keyed by kid, "auth.signing-key.state.v1");

/// An organisation: a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationState {
    /// The organisation's id.
    pub organisation: OrganisationId,
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// Whether its shop is open and its people may log in.
    pub active: bool,
    /// Rises by one with each change.
    pub version: i64,
}

channel::state!(OrganisationState on topics::ORGANISATION, keyed by organisation, "auth.organisation.state.v1");
