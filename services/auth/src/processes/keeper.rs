//! Keeps the signing keys: does what is due in the database, then takes over the keys that are stored there.
//! Every replica runs a keeper; what is stored decides, so all of them use the same keys.

use std::time::Duration;

use access::KeyRing;
use kernel::Clock;
use mediator::{Mediator, Scope, SendError};
use service::{BootError, CancellationToken};

use crate::{
    NAME,
    commands::TendSigningKeys,
    credentials::{Credentials, generate},
    domain::Schedule,
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
        self.tend(mediator, self.schedule).await
    }

    /// Announces the next key now, however long the current one has signed; one that is announced already is the next one.
    /// It signs after its notice, and the tokens of the former one stay valid until they expire.
    ///
    /// # Errors
    /// As [`Keeper::round`].
    pub async fn rotate(&self, mediator: &Mediator) -> Result<(), SendError<Error>> {
        self.tend(mediator, Schedule { signs_for: Duration::ZERO, ..self.schedule }).await
    }

    async fn tend(&self, mediator: &Mediator, schedule: Schedule) -> Result<(), SendError<Error>> {
        let candidate = generate(&self.credentials.seal)?;
        let tend = TendSigningKeys { candidate, schedule };
        let keys = mediator.send(&Scope::platform_system(NAME), tend).await?;
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
