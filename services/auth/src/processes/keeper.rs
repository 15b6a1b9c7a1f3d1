//! Keeps the signing keys: does what is due in the database, then takes over the keys that are stored there.
//! Every replica runs a keeper; what is stored decides, so all of them use the same keys.

use std::time::Duration;

use access::KeyRing;
use kernel::{Clock, KeyId};
use mediator::{Mediator, Scope, SendError};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    commands::TendSigningKeys,
    credentials::{Credentials, generate},
    domain::{PLATFORM, Schedule},
    error::Error,
    published,
    queries::ListSigningKeys,
    store::signing_keys::unannounced,
};

/// A running keeper.
#[derive(Debug)]
pub struct Keeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What the keeper works with.
struct Rounds {
    mediator: Mediator,
    credentials: Credentials,
    ring: KeyRing,
    /// What is on the ring.
    held: Vec<KeyId>,
    schedule: Schedule,
}

impl Keeper {
    /// Does a first round, so that there is a key when this returns, and goes on in the background.
    ///
    /// # Errors
    /// What the first round failed with.
    pub async fn start(
        mediator: Mediator,
        credentials: Credentials,
        ring: KeyRing,
        schedule: Schedule,
    ) -> Result<Self, SendError<Error>> {
        let mut rounds = Rounds { mediator, credentials, ring, held: Vec::new(), schedule };
        rounds.round().await?;
        let (stop, stopped) = watch::channel(false);
        Ok(Self { stop, task: tokio::spawn(rounds.go_on(stopped)) })
    }

    /// Ends after the round in progress.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

impl Rounds {
    async fn go_on(mut self, mut stopped: watch::Receiver<bool>) {
        // Often enough that every replica holds a new key well before its turn comes.
        let pause = (self.schedule.known_before / 4).clamp(Duration::from_millis(200), Duration::from_secs(15));
        while tokio::time::timeout(pause, stopped.changed()).await.is_err() {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "the signing keys could not be tended; trying again in {pause:?}");
            }
        }
    }

    async fn round(&mut self) -> Result<(), SendError<Error>> {
        let scope = Scope::system("auth", PLATFORM);
        let candidate = generate(&self.credentials.seal)?;
        // Asked before the keys are read: a key that is made in between does not sign before the next round.
        let mut system = self.mediator.system().await.map_err(Error::from)?;
        let waiting = unannounced(&mut system).await?;
        system.commit().await.map_err(Error::from)?;
        let tend = TendSigningKeys { candidate, schedule: self.schedule, unannounced: waiting.clone() };
        self.mediator.send(&scope, tend).await?;
        let keys = self.mediator.ask(&scope, ListSigningKeys).await?.with_unannounced(waiting);
        for key in keys.iter() {
            let state = published::signing_key(key);
            let known = access::SigningKey { kid: state.kid, public_key: state.public_key };
            self.ring.apply(&known).map_err(|malformed| Error::Corrupt {
                what: format!("signing key {}", key.kid),
                reason: malformed.to_string(),
            })?;
        }
        let current: Vec<KeyId> = keys.iter().map(|key| key.kid).collect();
        for removed in self.held.iter().filter(|kid| !current.contains(kid)) {
            self.ring.remove(*removed);
        }
        self.held = current;
        tracing::debug!(keys = keys.iter().count(), signer = ?keys.signer(Clock::now()).map(|key| key.kid), "signing keys");
        Ok(self.credentials.issuer.load(keys, &self.credentials.seal)?)
    }
}
