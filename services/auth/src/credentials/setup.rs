//! The secret that allows creating organisations. It is compared in constant time, and by digest, so that not even its
//! length can be measured.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use kernel::Secret;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The digest of the configured SETUP_TOKEN.
#[derive(Debug, Clone)]
pub struct SetupToken(Secret<[u8; 32]>);

impl SetupToken {
    /// Keeps the digest of the configured secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Secret::new(Sha256::digest(secret)))
    }

    /// Accepts the configured secret.
    ///
    /// # Errors
    /// `SetupRefused` for any other.
    pub fn check(&self, presented: &str) -> Result<(), Error> {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        verify_slices_are_equal(self.0.expose(), &presented).map_err(|_| Error::SetupRefused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_configured_secret_passes() {
        let token = SetupToken::new("a secret of this installation");
        assert!(token.check("a secret of this installation").is_ok());
        for wrong in ["", "a", "a secret of this installatioN", "a secret of this installation "] {
            assert!(token.check(wrong).is_err(), "{wrong:?}");
        }
    }
}
