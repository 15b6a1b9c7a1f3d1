//! The API keys of all organisations, as auth's compacted topic has them, and the form in which a program presents one.
//! The rule: only the digest of a key is kept, and what cannot be read about a key refuses it.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{ApiKeyId, Malformed, OrganisationId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{Network, Permission, Permissions};

/// An API key as a program presents it: `cs_live_<26 characters of its id>_<43 characters of its secret>`.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    text: &'a str,
    key: ApiKeyId,
    digest: [u8; 32],
}

impl<'a> PresentedKey<'a> {
    /// What every API key begins with. No access token does.
    pub const PREFIX: &'static str = "cs_live_";
    const ID: usize = 26;
    const SECRET: usize = 43;

    /// Reads a whole key; `None` when the text does not have the form of one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(Self::PREFIX)?.split_at_checked(Self::ID)?;
        let secret = rest.strip_prefix('_').filter(|secret| secret.len() == Self::SECRET)?;
        let written = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !secret.bytes().all(written) {
            return None;
        }
        Some(Self { text, key: format!("akey_{id}").parse().ok()?, digest: Sha256::digest(text).into() })
    }

    /// The key's id.
    #[must_use]
    pub fn key(&self) -> ApiKeyId {
        self.key
    }

    /// SHA-256 of the whole key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The whole key: for auth, which gives an access token for it, and for nobody else.
    #[must_use]
    pub fn expose(&self) -> &'a str {
        self.text
    }
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PresentedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why an API key was refused. The text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyRejection {
    /// There is no such key, or its secret is another one; which of the two is not said.
    #[error("the API key is not known here; check that it was copied completely")]
    Unknown,
    /// It was revoked.
    #[error("the API key has been revoked; ask the organisation for another one")]
    Revoked,
    /// It has expired.
    #[error("the API key has expired; ask the organisation for another one")]
    Expired,
    /// The request comes from an address that the key may not be used from.
    #[error("the API key may not be used from this address; its organisation decides which networks may")]
    Address,
}

/// An API key as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key's id.
    pub key: ApiKeyId,
    /// The organisation that it works for.
    pub organisation: OrganisationId,
    /// SHA-256 of the whole key, 32 bytes in base64url without padding.
    pub hash: String,
    /// What it allows, each as `resource:action`. A word that this program does not know permits nothing here.
    pub permissions: Vec<String>,
    /// The networks that it may be used from; empty: from everywhere.
    pub networks: Vec<String>,
    /// When it ends; none: never.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What is known of an API key, revoked or not. A hundred thousand are held in memory, so it is small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The organisation that it works for.
    pub organisation: OrganisationId,
    /// What it allows.
    pub permissions: Permissions,
    hash: [u8; 32],
    networks: Box<[Network]>,
    /// Seconds since 1970.
    expires_at: Option<i64>,
    revoked: bool,
}

impl ApiKey {
    fn read(published: &PublishedKey) -> Result<Self, Malformed> {
        let wrong = || Malformed::new("hash", "must be 32 bytes in base64url without padding");
        let hash = URL_SAFE_NO_PAD.decode(&published.hash).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            organisation: published.organisation,
            permissions: published.permissions.iter().filter_map(|word| Permission::parse(word).ok()).collect(),
            hash: hash.ok_or_else(wrong)?,
            networks: published.networks.iter().map(|network| network.parse()).collect::<Result<_, _>>()?,
            expires_at: published.expires_at.map(|time| time.timestamp()),
            revoked: published.revoked,
        })
    }

    fn check(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), KeyRejection> {
        if self.revoked {
            return Err(KeyRejection::Revoked);
        }
        if self.expires_at.is_some_and(|end| end <= now.timestamp()) {
            return Err(KeyRejection::Expired);
        }
        let within = |address| self.networks.iter().any(|network| network.contains(address));
        if self.networks.is_empty() || address.is_some_and(within) { Ok(()) } else { Err(KeyRejection::Address) }
    }
}

/// All API keys; clones share them. Readers do not wait for each other.
#[derive(Clone, Default)]
pub struct ApiKeys(Arc<RwLock<HashMap<ApiKeyId, ApiKey>>>);

impl ApiKeys {
    /// No keys, so every key is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is known of a key.
    ///
    /// # Errors
    /// When the hash or a network cannot be read. The key is forgotten then, so it is refused.
    pub fn apply(&self, published: &PublishedKey) -> Result<(), Malformed> {
        let read = ApiKey::read(published).inspect_err(|_| self.remove(published.key))?;
        self.change(|keys| keys.insert(published.key, read));
        Ok(())
    }

    /// Forgets a key: it is unknown from now on.
    pub fn remove(&self, key: ApiKeyId) {
        self.change(|keys| keys.remove(&key));
    }

    /// What is known of a key.
    #[must_use]
    pub fn find(&self, key: ApiKeyId) -> Option<ApiKey> {
        self.look(key, ApiKey::clone)
    }

    /// The organisation of a key that was presented, when it may be used from this address now.
    ///
    /// # Errors
    /// The first [`KeyRejection`] that applies.
    pub fn accept(
        &self,
        presented: &PresentedKey<'_>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<OrganisationId, KeyRejection> {
        let accepted = self.look(presented.key, |known| {
            verify_slices_are_equal(&known.hash, &presented.digest).map_err(|_| KeyRejection::Unknown)?;
            known.check(address, now).map(|()| known.organisation)
        });
        accepted.unwrap_or(Err(KeyRejection::Unknown))
    }

    /// Whether a token that this key was exchanged for may be used from this address now.
    ///
    /// # Errors
    /// The first [`KeyRejection`] that applies.
    pub fn check(&self, key: ApiKeyId, address: Option<IpAddr>, now: Timestamp) -> Result<(), KeyRejection> {
        self.look(key, |known| known.check(address, now)).unwrap_or(Err(KeyRejection::Unknown))
    }

    fn look<T>(&self, key: ApiKeyId, read: impl FnOnce(&ApiKey) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).map(read)
    }

    // Nothing panics while it holds the lock: a poisoned lock is still good.
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<ApiKeyId, ApiKey>) -> T) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).len();
        formatter.debug_struct("ApiKeys").field("known", &known).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Clock;

    use super::*;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    /// A key and its text, whose secret is this letter 43 times.
    fn key(letter: &str) -> (String, PublishedKey) {
        let key = ApiKeyId::new();
        let id = key.to_string();
        let text = format!("cs_live_{}_{}", id.trim_start_matches("akey_"), letter.repeat(43));
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&text));
        let (permissions, networks) = (vec!["order:read".to_owned()], Vec::new());
        let organisation = OrganisationId::new();
        (text, PublishedKey { key, organisation, hash, permissions, networks, expires_at: None, revoked: false })
    }

    #[test]
    fn a_key_is_read_whole_or_not_at_all_and_is_never_printed() {
        let (text, published) = key("_");
        let presented = PresentedKey::parse(&text).unwrap();
        assert_eq!((presented.key(), presented.expose()), (published.key, text.as_str()));
        assert_eq!(URL_SAFE_NO_PAD.encode(presented.digest()), published.hash);
        assert!(!format!("{presented:?}").contains("___"), "{presented:?}");
        let (start, end) = text.split_at(34);
        for wrong in [
            String::new(),
            format!("{text}_"),
            text[..77].to_owned(),
            format!("{start}-{}", &end[1..]),
            format!("{start}{}é", &end[..42]),
            format!("{start}{} ", &end[..43]),
            text.replacen("cs_live_0", "cs_live_8", 1),
            text.replacen("cs_live_", "cs_test_", 1),
            text.to_uppercase(),
            format!("cs_live_é{}", &text[10..]),
        ] {
            assert!(PresentedKey::parse(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_accepted_until_something_refuses_it_and_the_first_cause_is_told() {
        let (keys, now) = (ApiKeys::new(), Clock::now());
        let (text, mut published) = key("a");
        let presented = PresentedKey::parse(&text).unwrap();
        let other_secret = format!("{}{}", &text[..35], "b".repeat(43));
        assert_eq!(keys.accept(&presented, HOME, now), Err(KeyRejection::Unknown));
        keys.clone().apply(&published).unwrap();
        assert_eq!(keys.accept(&presented, HOME, now), Ok(published.organisation));
        assert_eq!(keys.find(published.key).unwrap().permissions, [Permission::OrderRead].into_iter().collect());
        let wrong = PresentedKey::parse(&other_secret).unwrap();
        assert_eq!(wrong.key(), published.key);
        assert_eq!(keys.accept(&wrong, HOME, now), Err(KeyRejection::Unknown));

        published.networks = vec!["10.0.0.0/8".to_owned(), "::1".to_owned()];
        keys.apply(&published).unwrap();
        for (address, accepted) in [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("::1", true), ("11.0.0.1", false)] {
            let outcome = keys.check(published.key, Some(address.parse().unwrap()), now);
            assert_eq!(outcome, if accepted { Ok(()) } else { Err(KeyRejection::Address) }, "{address}");
        }
        assert_eq!(keys.check(published.key, None, now), Err(KeyRejection::Address));

        published.expires_at = Some(now + Duration::from_secs(5));
        keys.apply(&published).unwrap();
        assert_eq!(keys.accept(&presented, HOME, now), Err(KeyRejection::Address));
        assert_eq!(keys.accept(&presented, HOME, now + Duration::from_secs(5)), Err(KeyRejection::Expired));
        published.revoked = true;
        keys.apply(&published).unwrap();
        assert_eq!(keys.accept(&presented, HOME, now + Duration::from_secs(5)), Err(KeyRejection::Revoked));
        assert_eq!(keys.accept(&wrong, HOME, now), Err(KeyRejection::Unknown), "a guess learns nothing of the key");
        keys.remove(published.key);
        assert_eq!(keys.check(published.key, HOME, now), Err(KeyRejection::Unknown));
    }

    #[test]
    fn what_cannot_be_read_about_a_key_refuses_it() {
        let (_, good) = key("a");
        let network = PublishedKey { networks: vec!["10.0.0.0/33".to_owned()], ..good.clone() };
        let short = PublishedKey { hash: URL_SAFE_NO_PAD.encode([7; 31]), ..good.clone() };
        let keys = ApiKeys::new();
        for bad in [network, short] {
            keys.apply(&good).unwrap();
            assert!(keys.apply(&bad).is_err(), "{bad:?}");
            assert_eq!(keys.check(good.key, HOME, Clock::now()), Err(KeyRejection::Unknown), "{bad:?}");
        }
    }

    #[test]
    fn a_hundred_thousand_keys_take_few_bytes_each() {
        const KEYS: usize = 100_000;
        let resident = || {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
            pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map(|pages: usize| pages * 4096)
        };
        let (keys, before) = (ApiKeys::new(), resident());
        let (_, mut published) = key("a");
        published.networks = vec!["10.0.0.0/8".to_owned()];
        for _ in 0..KEYS {
            published.key = ApiKeyId::new();
            keys.apply(&published).unwrap();
        }
        let Some((before, after)) = before.zip(resident()) else { return };
        let each = after.saturating_sub(before) / KEYS;
        println!("{each} bytes per key with one network, of which {} are its entry", size_of::<(ApiKeyId, ApiKey)>());
        assert!((1..400).contains(&each), "{each} bytes per key");
    }
}
