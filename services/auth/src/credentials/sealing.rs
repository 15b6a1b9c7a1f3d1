//! Private keys at rest: AES-256-GCM under SIGNING_KEY_SECRET, bound to the id of the key so that rows cannot be swapped.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
};
use kernel::Secret;

use crate::error::Error;

const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts under one secret. The `Debug` of its keys shows their algorithms only.
#[derive(Debug)]
pub struct Seal {
    key: RandomizedNonceKey,
    fingerprints: hmac::Key,
}

impl Seal {
    /// A seal under this secret.
    ///
    /// # Errors
    /// `Sealing` when the cryptography refuses the secret.
    pub fn new(secret: &[u8; 32]) -> Result<Self, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, secret)
            .map_err(|_| Error::Sealing("the secret was refused; it must be 32 random bytes"))?;
        // Each use has its own key, so that nothing learnt from one helps with the other.
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, b"auth: fingerprints of request bodies");
        Ok(Self { key, fingerprints: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) })
    }

    /// Encrypts content that belongs to `name`; returns nonce, ciphertext and tag.
    ///
    /// # Errors
    /// `Sealing` when there is no randomness for a nonce.
    pub fn close(&self, name: &str, content: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = content.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| Error::Sealing("a private key could not be encrypted; look at the system's randomness"))?;
        sealed.splice(0..0, nonce.as_ref().iter().copied());
        Ok(sealed)
    }

    /// The content that [`Seal::close`] was given under the same name.
    ///
    /// # Errors
    /// `Sealing` when it was sealed under another secret or name, or was changed since.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        const OTHER: Error = Error::Sealing(
            "a stored signing key cannot be opened: SIGNING_KEY_SECRET is not the one that it was stored with; give the former one",
        );
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(OTHER)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OTHER)?;
        let mut content = rest.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut content).map_err(|_| OTHER)?.len();
        content.truncate(length);
        Ok(Secret::new(content))
    }

    /// Tells two secrets apart and is of no use without SIGNING_KEY_SECRET. A replay record keeps it instead of a plain hash
    /// of a password.
    #[must_use]
    pub fn fingerprint(&self, secret: &[u8]) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hmac::sign(&self.fingerprints, secret).as_ref());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_secret_and_name_only() {
        let seal = Seal::new(&[1; 32]).unwrap();
        let sealed = seal.close("one", b"private").unwrap();
        assert_eq!(seal.open("one", &sealed).unwrap().expose(), b"private");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        assert_ne!(sealed, seal.close("one", b"private").unwrap(), "a nonce is used once");

        assert!(seal.open("two", &sealed).is_err());
        assert!(Seal::new(&[2; 32]).unwrap().open("one", &sealed).is_err());
        assert!(seal.open("one", &sealed[..5]).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(seal.open("one", &changed).is_err());
    }

    #[test]
    fn a_fingerprint_depends_on_the_secret() {
        let fingerprint = |secret| Seal::new(&[secret; 32]).unwrap().fingerprint(b"password");
        assert_eq!(fingerprint(1), fingerprint(1));
        assert_ne!(fingerprint(1), fingerprint(2));
    }
}
