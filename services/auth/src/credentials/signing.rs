//! Ed25519: generates key pairs, signs access tokens with the key that is due, and knows the public keys to publish.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use access::{Claims, Grant};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{KeyId, Secret, Timestamp};

use super::Seal;
use crate::{
    domain::{Candidate, SigningKeys},
    error::Error,
};

/// How long an access token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_secs(600);
/// How long after the end of a key or a session some verifier may still take a token of it: the life of a token, and a minute
/// by which clocks and readers lag behind.
pub const TOKENS_OUTLIVE: Duration = Duration::from_secs(660);

/// A new key pair, its private half sealed.
///
/// # Errors
/// `Sealing` when the system has no randomness.
pub fn generate(seal: &Seal) -> Result<Candidate, Error> {
    const NO_KEY: Error = Error::Sealing("a signing key could not be made; look at the system's randomness");
    let pair = Ed25519KeyPair::generate().map_err(|_| NO_KEY)?;
    let public_key: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| NO_KEY)?;
    let kid = kid(&public_key);
    let private = pair.to_pkcs8v1().map_err(|_| NO_KEY)?;
    let sealed_private_key = seal.close(&kid.to_string(), private.as_ref())?;
    Ok(Candidate { kid, public_key, sealed_private_key: Secret::new(sealed_private_key) })
}

/// The key's id in the database and on the topic: the first half of its thumbprint. Tokens name it by the whole one.
fn kid(public_key: &[u8; 32]) -> KeyId {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let thumbprint = URL_SAFE_NO_PAD.decode(access::thumbprint(&x)).unwrap_or_default();
    let mut half = [0; 16];
    for (byte, of_thumbprint) in half.iter_mut().zip(thumbprint) {
        *byte = of_thumbprint;
    }
    KeyId::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// Signs access tokens. Cheap to clone; clones share their keys.
#[derive(Clone)]
pub struct Issuer {
    issuer: Arc<str>,
    audience: Arc<str>,
    keys: Arc<RwLock<Keys>>,
}

#[derive(Default)]
struct Keys {
    known: SigningKeys,
    opened: HashMap<KeyId, EncodingKey>,
}

impl Issuer {
    /// An issuer that has no keys yet.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), keys: Arc::default() }
    }

    /// Decrypts the keys and replaces the former ones with them. Returns the former ones that are not among them.
    ///
    /// # Errors
    /// `Sealing` when one cannot be decrypted; the former keys stay in use.
    pub fn load(&self, known: SigningKeys, seal: &Seal) -> Result<Vec<KeyId>, Error> {
        let mut opened = HashMap::new();
        for key in known.iter() {
            let private = seal.open(&key.kid.to_string(), key.sealed_private_key.expose())?;
            opened.insert(key.kid, EncodingKey::from_ed_der(private.expose()));
        }
        // Nothing panics while it holds the lock.
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *keys, Keys { known, opened });
        Ok(former.opened.into_keys().filter(|kid| !keys.opened.contains_key(kid)).collect())
    }

    /// The loaded keys' public halves, in the order in which they sign.
    #[must_use]
    pub fn public_keys(&self) -> Vec<[u8; 32]> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.known.iter().map(|key| key.public_key).collect()
    }

    /// A token that grants this, valid from now for [`TOKEN_LIFE`].
    ///
    /// # Errors
    /// `Signing` when no key is due.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Secret, Error> {
        let claims = Claims::new(&self.issuer, &self.audience, grant, now, TOKEN_LIFE);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.known.signer(now).and_then(|key| Some((key.public_key, keys.opened.get(&key.kid)?)));
        let (public_key, key) =
            key.ok_or_else(|| Error::Signing("there is no key yet; wait until this service is ready".into()))?;
        let kid = access::thumbprint(&URL_SAFE_NO_PAD.encode(public_key));
        let header =
            Header { typ: Some(grant.bearer.token_type().to_owned()), kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, key).map(Secret::new).map_err(|error| Error::Signing(error.to_string()))
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use access::{Bearer, KeyRing, Role, SigningKey, Verifier};
    use kernel::{ApiKeyId, OrganisationId};

    use super::*;
    use crate::domain::Schedule;

    const SCHEDULE: Schedule = Schedule {
        signs_for: Duration::from_secs(1_000),
        known_before: Duration::from_secs(60),
        valid_after: Duration::from_secs(660),
    };

    #[test]
    fn an_issued_token_is_one_that_every_service_verifies() {
        let now = kernel::Clock::now();
        let seal = Seal::new(&[3; 32]).unwrap();
        let candidate = generate(&seal).unwrap();
        let mut keys = SigningKeys::default();
        keys.tend(&candidate, SCHEDULE, now);
        let issuer = Issuer::new("https://store.example", "cyber-store");
        issuer.load(keys, &seal).unwrap();

        let ring = KeyRing::new();
        let public_key = URL_SAFE_NO_PAD.encode(candidate.public_key);
        ring.apply(&SigningKey { kid: candidate.kid, public_key }).unwrap();
        let verifier = Verifier::new(ring, "https://store.example", "cyber-store");
        let grant = Grant {
            bearer: Bearer::Integration { key: ApiKeyId::new(), organisation: OrganisationId::new() },
            permissions: Role::Viewer.permissions(),
        };
        let token = issuer.issue(&grant, now).unwrap();
        let verified = verifier.verify(token.expose()).unwrap();
        assert_eq!(verified.grant, grant);
        assert_eq!(
            (verified.expires_at - now).num_seconds().clamp(599, 600),
            (verified.expires_at - now).num_seconds()
        );
    }

    #[test]
    fn a_key_sealed_under_another_secret_is_refused_with_the_variables_name() {
        let mut keys = SigningKeys::default();
        keys.tend(&generate(&Seal::new(&[3; 32]).unwrap()).unwrap(), SCHEDULE, kernel::Clock::now());
        let refused = Issuer::new("i", "a").load(keys, &Seal::new(&[4; 32]).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("SIGNING_KEY_SECRET"), "{refused}");
    }

    #[test]
    fn the_kid_comes_from_the_thumbprint() {
        // RFC 8037, appendix A.3: the thumbprint is kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k.
        let public_key = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let thumbprint = URL_SAFE_NO_PAD.decode("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k").unwrap();
        let uuid = kid(&public_key.try_into().unwrap()).uuid();
        assert_eq!(uuid.as_bytes()[..6], thumbprint[..6], "the version and variant bits come after");
        assert_eq!(uuid.as_bytes()[9..], thumbprint[9..16]);
    }
}
