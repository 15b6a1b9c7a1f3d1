//! The order token: whoever holds it may read and cancel that one order. The rules: only its digest is stored with the
//! order, and digests are compared in constant time.

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{CustomerId, Malformed, Secret};

const BYTES: usize = 32;
const TEXT_LIMIT: usize = 64;

/// A token as its holder has it: 43 characters, 256 random bits. `Debug` does not print it.
#[derive(Debug, Clone)]
pub struct OrderToken(Secret);

impl OrderToken {
    /// Makes a new token.
    ///
    /// # Errors
    /// `Malformed` when the system gives no random bytes; no order can be placed then.
    pub fn generate() -> Result<Self, Malformed> {
        let mut bytes = [0_u8; BYTES];
        rand::fill(&mut bytes).map_err(|_| Malformed::new("order token", "the system gave no random bytes"))?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Takes a token that somebody sent: at most 64 bytes. A text that was never made as a token matches no digest.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        (text.len() <= TEXT_LIMIT).then(|| Self(Secret::new(text)))
    }

    /// The text for its holder.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }

    /// What is stored with the order.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref().to_vec())
    }
}

/// What proves that an order is a shopper's own.
#[derive(Debug, Clone)]
pub enum Ownership {
    /// The token that the reply of placing it gave.
    Token(OrderToken),
    /// The customer's account that placed or claimed it.
    Customer(CustomerId),
}

impl Ownership {
    /// Whether it proves that about an order with this token and this customer.
    #[must_use]
    pub fn holds(&self, token: &TokenDigest, customer: Option<CustomerId>) -> bool {
        match self {
            Self::Token(presented) => token.matches(&presented.digest()),
            Self::Customer(presented) => customer == Some(*presented),
        }
    }
}

/// The sha256 of a token.
#[derive(Debug, Clone)]
pub struct TokenDigest(Vec<u8>);

impl TokenDigest {
    /// A digest that was read from the database.
    #[must_use]
    pub fn stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are digests of the same token; takes the same time wherever they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_its_own_digest_and_no_other() {
        let (one, other) = (OrderToken::generate().unwrap(), OrderToken::generate().unwrap());
        let again = OrderToken::presented(one.reveal()).unwrap();
        assert!(one.digest().matches(&again.digest()));
        assert!(!one.digest().matches(&other.digest()));
        assert!(!one.digest().matches(&TokenDigest::stored(Vec::new())));
        assert_eq!(one.reveal().len(), 43);
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
