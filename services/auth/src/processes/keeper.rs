//! Keeps the signing keys: does what is due in the database, then takes over the keys that are stored there.
//! Every replica runs a keeper; what is stored decides, so all of them use the same keys.

use std::time::Duration;

use access::KeyRing;
use kernel::Clock;
use mediator::{Mediator, Platform, Scope, SendError};
use service::{BootError, CancellationToken};

use crate::{
    NAME,
    commands::{RotateSigningKeys, TendSigningKeys},
    credentials::{Credentials, generate},
    domain::{Schedule, SigningKeys},
    error::Error,
    published,
};

/// Gives the keys to the issuer, which signs with them and lists the public halves, and to the ring, which verifies
/// with them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// The seal of the private keys, and the issuer.
    pub credentials: Credentials,
    /// The public keys that this process verifies with.
    pub ring: KeyRing,
    /// How long each stage of a key's life takes.
    pub schedule: Schedule,
}

impl Keeper {
    /// Does what is due, once. Afterwards there is a key that signs.
    ///
    /// # Errors
    /// `Storage`, and `Sealing` when a stored key was sealed under another secret. The keys then stay as they were.
    pub async fn round(&self, mediator: &Mediator) -> Result<(), SendError<Error>> {
        let tend = TendSigningKeys { candidate: generate(&self.credentials.seal)?, schedule: self.schedule };
        let keys = mediator.send(&Scope::platform_system(NAME), tend).await?;
        self.take_over(keys)
    }

    /// Announces the next key now, and takes over what is stored then. Other replicas do so in their next round.
    ///
    /// # Errors
    /// As [`Keeper::round`], and when the operator may not.
    pub async fn rotate(&self, mediator: &Mediator, operator: &Scope<Platform>) -> Result<(), SendError<Error>> {
        let rotate = RotateSigningKeys { candidate: generate(&self.credentials.seal)?, schedule: self.schedule };
        let keys = mediator.send(operator, rotate).await?;
        self.take_over(keys)
    }

    fn take_over(&self, keys: SigningKeys) -> Result<(), SendError<Error>> {
        // A key verifies in this process before it signs here, and after it has stopped.
        for key in keys.iter() {
            let state = published::signing_key(key);
            let known = access::SigningKey { kid: state.kid, public_key: state.public_key };
            self.ring.apply(&known).map_err(|malformed| Error::corrupt_key(key.kid, malformed.to_string()))?;
        }
        let signer = keys.signer(Clock::now()).map(|key| key.kid);
        tracing::debug!(keys = keys.iter().count(), ?signer, "signing keys");
        for removed in self.credentials.issuer.load(keys, &self.credentials.seal)? {
            self.ring.remove(removed);
        }
        Ok(())
    }

    /// Does what is due again and again, until `stop`.
    ///
    /// # Errors
    /// None: a round that fails is logged, and the next one tries again.
    pub async fn run(self, mediator: Mediator, stop: CancellationToken) -> Result<(), BootError> {
        // Often enough that every replica has and publishes a new key well before it signs.
        let pause = (self.schedule.known_before / 4).clamp(Duration::from_millis(200), Duration::from_secs(15));
        while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
            if let Err(error) = self.round(&mediator).await {
                tracing::warn!(%error, "the signing keys could not be tended; trying again in {pause:?}");
            }
        }
        Ok(())
    }
}
