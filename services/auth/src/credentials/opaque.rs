//! Secrets that this service hands out and keeps only the hash of: refresh tokens, API keys, invitations, password resets.
//! Written as `cs_<kind>_<id>_<secret>`, so that a leaked one is recognised by its look and found by its id.
//! The rule: 256 random bits each, so that a fast hash is enough and guessing is hopeless.

use std::fmt::Display;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Id, Kind, Secret, kinds};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::PasswordHash;
use crate::error::Error;

/// What a secret is for.
pub trait Purpose: Kind {
    /// The word after `cs_`.
    const WORD: &'static str;
}

impl Purpose for kinds::Session {
    const WORD: &'static str = "rt";
}

impl Purpose for kinds::ApiKey {
    const WORD: &'static str = "live";
}

impl Purpose for kinds::Invitation {
    const WORD: &'static str = "inv";
}

impl Purpose for kinds::User {
    const WORD: &'static str = "pwr";
}

impl Purpose for kinds::Customer {
    const WORD: &'static str = "cpwr";
}

impl Purpose for kinds::Token {
    const WORD: &'static str = "setup";
}

/// What allows making the first operator, once.
pub type OneTimeSetupToken = Opaque<kinds::Token>;
/// A refresh token: of a session.
pub type RefreshToken = Opaque<kinds::Session>;
/// The text of an API key.
pub type ApiKeyText = Opaque<kinds::ApiKey>;
/// What accepts an invitation.
pub type InvitationToken = Opaque<kinds::Invitation>;
/// What allows choosing a new password: of a person.
pub type ResetToken = Opaque<kinds::User>;
/// What allows choosing a new password: of a customer.
pub type CustomerResetToken = Opaque<kinds::Customer>;

/// How many replacements are looked back at most: a month of a session that is refreshed every ten minutes, and about ten
/// milliseconds of work.
const FARTHEST: i32 = 5_000;

/// A secret with the id of what it belongs to.
#[derive(Debug, Clone)]
pub struct Opaque<K: Purpose> {
    /// What it belongs to.
    pub id: Id<K>,
    secret: Secret<[u8; 32]>,
}

impl<K: Purpose> Opaque<K> {
    /// A new random secret.
    ///
    /// # Errors
    /// `Sealing` when the system has no randomness.
    pub fn random(id: Id<K>) -> Result<Self, Error> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret)
            .map_err(|_| Error::Sealing("a secret could not be made; look at the system's randomness"))?;
        Ok(Self { id, secret: Secret::new(secret) })
    }

    fn with_secret(id: Id<K>, tag: &hmac::Tag) -> Self {
        let mut secret = [0; 32];
        secret.copy_from_slice(tag.as_ref());
        Self { id, secret: Secret::new(secret) }
    }

    /// Reads what [`Opaque::text`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix("cs_")?.strip_prefix(K::WORD)?.strip_prefix('_')?.split_once('_')?;
        let id = format!("{}_{id}", K::PREFIX).parse().ok()?;
        let secret: [u8; 32] = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { id, secret: Secret::new(secret) })
    }

    /// The whole text, as its holder keeps and presents it.
    #[must_use]
    pub fn text(&self) -> Secret {
        let id = self.id.to_string();
        let digits = id.split_once('_').map_or(id.as_str(), |(_, digits)| digits);
        let secret = URL_SAFE_NO_PAD.encode(self.secret.expose());
        Secret::new(format!("cs_{}_{digits}_{secret}", K::WORD))
    }

    /// SHA-256 of the whole text: what is stored.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text().expose()).into()
    }

    /// Whether this is the secret that was stored as that hash.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        verify_slices_are_equal(&self.hash(), stored).is_ok()
    }
}

/// Derives what follows from a secret without being stored. Nobody else can, without SIGNING_KEY_SECRET.
#[derive(Debug)]
pub struct Derivation {
    successors: hmac::Key,
    creations: hmac::Key,
    clients: hmac::Key,
}

impl Derivation {
    /// Derives under this secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // Each use has its own key, so that nothing learnt from one helps with the other.
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose.as_bytes()).as_ref());
        Self {
            successors: key("auth: successors of refresh tokens"),
            creations: key("auth: secrets of what a request creates"),
            clients: key("auth: clients that have logged in"),
        }
    }

    /// The refresh token that replaces this one. It is always the same, so two uses at once get the same successor although
    /// no token is stored.
    #[must_use]
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        RefreshToken::with_secret(token.id, &hmac::sign(&self.successors, token.text().expose().as_bytes()))
    }

    /// The secret of something that a request creates. It is the same when the request is repeated, so the reply can show it
    /// again although nothing but its hash is stored. `request` names the caller and the idempotency key.
    #[must_use]
    pub fn created<K: Purpose>(&self, id: Id<K>, request: &[&str]) -> Opaque<K> {
        let mut content = format!("{}\0{id}", K::WORD);
        for part in request {
            content.push('\0');
            content.push_str(part);
        }
        Opaque::with_secret(id, &hmac::sign(&self.creations, content.as_bytes()))
    }

    /// Whether the stored hash is of a token that descends from this one within so many replacements, 5,000 at most: whether this one is
    /// genuine and was replaced, rather than never issued.
    #[must_use]
    pub fn is_ancestor(&self, token: &RefreshToken, stored: &[u8; 32], replacements: i32) -> bool {
        let mut token = token.clone();
        (0..replacements.min(FARTHEST)).any(|_| {
            token = self.successor(&token);
            token.hash() == *stored
        })
    }

    /// What a client keeps that has logged in to this account, so that strangers who guess at the password do not pause it.
    /// It ends with the password.
    ///
    /// # Errors
    /// `Sealing` when the system has no randomness.
    pub fn client_token(&self, account: Uuid, password: &PasswordHash) -> Result<Secret, Error> {
        let mut client = [0; 16];
        aws_lc_rs::rand::fill(&mut client)
            .map_err(|_| Error::Sealing("a client's token could not be made; look at the system's randomness"))?;
        let signature = self.client_signature(account, password, &client);
        Ok(Secret::new(format!("cs_dev_{}", URL_SAFE_NO_PAD.encode([&client[..], &signature].concat()))))
    }

    /// The client that a token stands for, if it was given out for this account.
    #[must_use]
    pub fn client_of(&self, account: Uuid, password: &PasswordHash, token: &str) -> Option<[u8; 16]> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("cs_dev_")?).ok()?;
        let (client, signature) = bytes.split_first_chunk::<16>()?;
        verify_slices_are_equal(&self.client_signature(account, password, client), signature).ok()?;
        Some(*client)
    }

    fn client_signature(&self, account: Uuid, password: &PasswordHash, client: &[u8; 16]) -> [u8; 32] {
        let mut signature = [0; 32];
        let content = [account.as_bytes(), &client[..], password.as_str().as_bytes()].concat();
        signature.copy_from_slice(hmac::sign(&self.clients, &content).as_ref());
        signature
    }
}

/// The first words of a text, without what could break a log line or a page: what a client says of itself.
#[must_use]
pub fn described(text: impl Display, limit: usize) -> String {
    text.to_string().chars().filter(|character| !character.is_control()).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use kernel::{ApiKeyId, SessionId};

    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let key = ApiKeyText::random(ApiKeyId::new()).unwrap();
        let text = key.text().expose().clone();
        assert!(text.starts_with("cs_live_") && text.len() == 8 + 26 + 1 + 43, "{text}");
        let read = ApiKeyText::parse(&text).unwrap();
        assert_eq!((read.id, read.hash()), (key.id, key.hash()));
        assert!(read.matches(&key.hash()) && !read.matches(&[0; 32]));
        assert!(InvitationToken::parse(&text).is_none() && RefreshToken::parse(&text).is_none());
        for wrong in ["", "cs_live_", &text[..text.len() - 1], &format!("{text}A"), &text.replace("cs_live", "cs_test")]
        {
            assert!(ApiKeyText::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{key:?}").contains(&text[35..]), "a secret printed");
    }

    #[test]
    fn a_successor_is_always_the_same_and_needs_the_secret() {
        let (ours, theirs) = (Derivation::new(&[1; 32]), Derivation::new(&[2; 32]));
        let first = RefreshToken::random(SessionId::new()).unwrap();
        let next = ours.successor(&first);
        assert_eq!(next.id, first.id);
        assert_eq!(next.hash(), ours.successor(&first).hash());
        assert_ne!(next.hash(), theirs.successor(&first).hash());
        assert_ne!(next.hash(), ours.successor(&next).hash());
    }

    #[test]
    fn a_repeated_request_gets_the_same_secret_and_another_one_another() {
        let derivation = Derivation::new(&[1; 32]);
        let key = ApiKeyId::new();
        let hash = |request: &[&str]| derivation.created(key, request).hash();
        assert_eq!(hash(&["org", "user", "key"]), hash(&["org", "user", "key"]));
        assert_ne!(hash(&["org", "user", "key"]), hash(&["org", "user", "other"]));
        assert_ne!(hash(&["org", "user", "key"]), hash(&["org", "userkey", ""]));
        let later = derivation.created(ApiKeyId::new(), &["org", "user", "key"]);
        assert_ne!(later.secret, derivation.created(key, &["org", "user", "key"]).secret, "the key of a later request");
        assert_ne!(derivation.created(key, &["a"]).hash(), Derivation::new(&[2; 32]).created(key, &["a"]).hash());
    }

    #[test]
    fn a_replaced_token_is_told_from_one_that_was_made_up() {
        let derivation = Derivation::new(&[1; 32]);
        let first = RefreshToken::random(SessionId::new()).unwrap();
        let mut current = first.clone();
        for _ in 0..50 {
            current = derivation.successor(&current);
        }
        assert!(derivation.is_ancestor(&first, &current.hash(), 50));
        assert!(!derivation.is_ancestor(&first, &current.hash(), 49));
        assert!(!derivation.is_ancestor(&RefreshToken::random(first.id).unwrap(), &current.hash(), 50));
    }

    #[test]
    fn a_clients_token_is_for_one_account() {
        let derivation = Derivation::new(&[1; 32]);
        let user = Uuid::new_v4();
        let [password, next] = ["$one", "$other"].map(|hash| PasswordHash::stored(hash.to_owned()));
        let token = derivation.client_token(user, &password).unwrap();
        assert!(derivation.client_of(user, &password, token.expose()).is_some());
        assert!(derivation.client_of(user, &next, token.expose()).is_none(), "it ends with the password");
        assert!(derivation.client_of(Uuid::new_v4(), &password, token.expose()).is_none());
        assert!(Derivation::new(&[2; 32]).client_of(user, &password, token.expose()).is_none());
        for wrong in ["", "cs_dev_", "cs_dev_AAAA", &token.expose()[..60]] {
            assert!(derivation.client_of(user, &password, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_a_client_says_of_itself_stays_on_one_line() {
        assert_eq!(described("a\r\nb\u{7}c", 3), "abc");
    }
}
