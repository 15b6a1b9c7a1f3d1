//! The public keys as a JWK set (RFC 7517, RFC 8037), as this replica's keeper loaded them last.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rest::{App, Operator, Problem, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{credentials::Credentials, processes::keeper::Keeper};

/// A JWK set.
#[derive(Serialize, JsonSchema)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// An Ed25519 public key.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key {
    /// The RFC 7638 thumbprint.
    kid: String,
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    /// The key, 32 bytes in base64url.
    x: String,
}

// A result, although this never fails: the document says how a route refuses.
pub(super) async fn list(State(credentials): State<Credentials>) -> Result<rest::Ok<Keys>, Problem> {
    let keys = credentials.issuer.public_keys().into_iter().map(Key::from).collect();
    Ok(rest::Ok(Keys { keys }))
}

pub(super) async fn rotate(app: App, by: Operator, State(keeper): State<Keeper>) -> Result<rest::Ok<Keys>, Problem> {
    keeper.rotate(app.mediator(), &by.0).await?;
    list(State(keeper.credentials)).await
}

impl From<[u8; 32]> for Key {
    fn from(public_key: [u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        Self { kid: access::thumbprint(&x), kty: "OKP", crv: "Ed25519", alg: "EdDSA", r#use: "sig", x }
    }
}
