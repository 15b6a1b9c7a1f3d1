//! Cryptography: hashing passwords, sealing private keys, signing tokens. Only this service has this folder.
//! The rule: nothing in it prints or logs the secrets that it holds.

mod hashing;
mod opaque;
mod sealing;
mod setup;
mod signing;

use std::sync::Arc;

use crate::domain::SessionLife;

pub use hashing::{Hasher, Lane, PasswordHash};
pub use opaque::{
    ApiKeyText, CustomerResetToken, Derivation, InvitationToken, OneTimeSetupToken, Opaque, Purpose, RefreshToken,
    ResetToken, described,
};
pub use sealing::Seal;
pub use setup::SetupToken;
pub use signing::{Issuer, TOKEN_LIFE, TOKENS_OUTLIVE, generate};

/// Everything that handles a secret, as handlers and processes take it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Hashes and checks passwords.
    pub hasher: Hasher,
    /// Signs access tokens.
    pub issuer: Issuer,
    /// Seals private keys.
    pub seal: Arc<Seal>,
    /// Knows the secret that allows creating organisations.
    pub setup: SetupToken,
    /// Derives refresh tokens and knows clients again.
    pub derivation: Arc<Derivation>,
    /// How long logins last.
    pub life: SessionLife,
}
