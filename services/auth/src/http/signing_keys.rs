//! The public keys as a JWK set (RFC 7517, RFC 8037).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::KeyId;
use rest::{App, Problem, Visitor};
use schemars::JsonSchema;
use serde::Serialize;

use crate::queries::{ListSigningKeys, PublicKey};

/// A JWK set.
#[derive(Serialize, JsonSchema)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// An Ed25519 public key.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key {
    /// Derived from the RFC 7638 thumbprint.
    kid: KeyId,
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    /// The key, 32 bytes in base64url.
    x: String,
}

pub(super) async fn list(app: App, by: Visitor) -> Result<rest::Ok<Keys>, Problem> {
    let keys = app.ask(&by, ListSigningKeys).await?;
    Ok(rest::Ok(Keys { keys: keys.iter().map(Key::from).collect() }))
}

impl From<&PublicKey> for Key {
    fn from(key: &PublicKey) -> Self {
        let x = URL_SAFE_NO_PAD.encode(&key.bytes);
        Self { kid: key.kid, kty: "OKP", crv: "Ed25519", alg: "EdDSA", r#use: "sig", x }
    }
}
