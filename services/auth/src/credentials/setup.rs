//! The secret that allows creating organisations and operators. It is compared in constant time, and by digest, so that not
//! even its length can be measured.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use kernel::Secret;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The digest of the configured SETUP_TOKEN, if one is configured.
#[derive(Debug, Clone)]
pub struct SetupToken(Option<Secret<[u8; 32]>>);

impl SetupToken {
    /// Keeps the digest of the configured secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Some(Secret::new(Sha256::digest(secret))))
    }

    /// None is configured: every text is refused.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether one is configured.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// Accepts the configured secret.
    ///
    /// # Errors
    /// `SetupRefused` for any other.
    pub fn check(&self, presented: &str) -> Result<(), Error> {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let configured = self.0.as_ref().ok_or(Error::SetupRefused)?;
        verify_slices_are_equal(configured.expose(), &presented).map_err(|_| Error::SetupRefused)
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
        for any in ["", "a secret of this installation"] {
            assert!(SetupToken::none().check(any).is_err(), "{any:?}");
        }
    }
}
