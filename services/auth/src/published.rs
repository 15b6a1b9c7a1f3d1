//! Domain → contract: an organisation's state on `auth.organisation.v1`, a public key on `auth.signing-key.v1`.
//! The rule: no private key and nothing about a user leaves this service.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::auth::{OrganisationState, SigningKeyState};

use crate::domain::{Organisation, SigningKey};

/// The organisation as the other services see it.
#[must_use]
pub fn organisation(organisation: &Organisation) -> OrganisationState {
    OrganisationState {
        organisation: organisation.id,
        slug: organisation.slug.clone(),
        name: organisation.name.as_str().to_owned(),
        currency: organisation.currency,
        active: organisation.active,
        version: organisation.version,
    }
}

/// The public half of a key, and from when to when it signs.
#[must_use]
pub fn signing_key(key: &SigningKey) -> SigningKeyState {
    SigningKeyState {
        kid: key.kid,
        algorithm: "EdDSA".to_owned(),
        public_key: URL_SAFE_NO_PAD.encode(key.public_key),
        not_before: key.signs_from,
        retired_at: key.retired_at,
    }
}
