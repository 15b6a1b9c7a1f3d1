//! What only auth does: hashing passwords, sealing private keys, signing tokens. The one folder that the other services
//! do not have. Nothing in it prints or logs what it holds.

mod hashing;
mod sealing;
mod setup;
mod signing;

use std::sync::Arc;

pub use hashing::{Hasher, PasswordHash};
pub use sealing::{Seal, Unsealed};
pub use setup::SetupToken;
pub use signing::{Issuer, Signed, TOKEN_LIFE, generate};

/// All of it, as handlers take it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Hashes and checks passwords.
    pub hasher: Hasher,
    /// Signs access tokens.
    pub issuer: Issuer,
    /// Seals private keys.
    pub seal: Arc<Seal>,
    /// Who may create organisations.
    pub setup: SetupToken,
}
