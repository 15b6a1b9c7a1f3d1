//! The public keys that tokens are verified with, as auth's compacted topic has them. Reading takes no lock.
//! The rule: a token names its key by the thumbprint (RFC 7638), which is computed here from the key itself, so nobody can
//! publish a key under another one's name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use kernel::{KeyId, Malformed};
use sha2::{Digest as _, Sha256};

/// A public key as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id on the topic.
    pub kid: KeyId,
    /// The JWK's `x`: 32 bytes in base64url without padding.
    pub public_key: String,
}

/// The RFC 7638 thumbprint of an Ed25519 public key, whose 32 bytes are given in base64url: the `kid` of its tokens.
#[must_use]
pub fn thumbprint(public_key: &str) -> String {
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public_key}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(required))
}

/// A key that is ready to verify. Its address tells it apart from the same key after it was removed and added again.
pub(crate) struct Key {
    id: KeyId,
    thumbprint: String,
    pub(crate) decoding: DecodingKey,
}

/// All keys that verify at the moment, by thumbprint; clones share them.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<ArcSwap<HashMap<String, Arc<Key>>>>);

impl KeyRing {
    /// A ring without keys, which refuses every token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. Adding it again changes nothing; another key with the same id ends the tokens of the former.
    ///
    /// # Errors
    /// When the public key is not 32 bytes in base64url.
    pub fn apply(&self, key: &SigningKey) -> Result<(), Malformed> {
        let wrong = || Malformed::new("public key", "must be 32 bytes in base64url without padding");
        let bytes: [u8; 32] =
            URL_SAFE_NO_PAD.decode(&key.public_key).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
        let thumbprint = thumbprint(&key.public_key);
        if self.find(&thumbprint).is_some_and(|known| known.id == key.kid) {
            return Ok(());
        }
        // The bare 32 bytes are what the verifier of Ed25519 takes, its name notwithstanding.
        let added = Arc::new(Key { id: key.kid, thumbprint, decoding: DecodingKey::from_ed_der(&bytes) });
        self.0.rcu(|keys| {
            let mut keys = HashMap::clone(keys);
            keys.retain(|_, known| known.id != key.kid);
            keys.insert(added.thumbprint.clone(), Arc::clone(&added));
            keys
        });
        Ok(())
    }

    /// Removes a key; the tokens that it verified are refused from now on.
    pub fn remove(&self, kid: KeyId) {
        self.0.rcu(|keys| {
            let mut keys = HashMap::clone(keys);
            keys.retain(|_, known| known.id != kid);
            keys
        });
    }

    /// Whether there is none, so that every token is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    pub(crate) fn find(&self, thumbprint: &str) -> Option<Arc<Key>> {
        self.0.load().get(thumbprint).cloned()
    }

    /// Whether exactly this key is still on the ring.
    pub(crate) fn holds(&self, key: &Arc<Key>) -> bool {
        self.0.load().get(&key.thumbprint).is_some_and(|current| Arc::ptr_eq(current, key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.load().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_size_or_alphabet_is_refused() {
        let ring = KeyRing::new();
        let long = URL_SAFE_NO_PAD.encode([7; 33]);
        let padded = format!("{}=", URL_SAFE_NO_PAD.encode([7; 32]));
        for public_key in ["", "AAAA", "!", &long, &padded] {
            let key = SigningKey { kid: KeyId::new(), public_key: public_key.to_owned() };
            assert!(ring.apply(&key).is_err(), "{public_key:?}");
        }
        assert!(ring.is_empty());
    }

    #[test]
    fn clones_share_the_keys_and_a_repetition_changes_nothing() {
        let ring = KeyRing::new();
        let key = SigningKey { kid: KeyId::new(), public_key: URL_SAFE_NO_PAD.encode([7; 32]) };
        ring.clone().apply(&key).unwrap();
        let first = ring.find(&thumbprint(&key.public_key)).unwrap();
        ring.apply(&key).unwrap();
        assert!(ring.holds(&first));
        assert_eq!(ring.0.load().len(), 1);
        ring.remove(key.kid);
        ring.remove(key.kid);
        assert!(ring.find(&thumbprint(&key.public_key)).is_none());
    }

    #[test]
    fn a_thumbprint_is_that_of_rfc_8037() {
        // Appendix A.3.
        assert_eq!(
            thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
}
