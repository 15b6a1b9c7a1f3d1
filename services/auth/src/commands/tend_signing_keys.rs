//! Does what is due with the signing keys: takes the first into use, announces the next, removes those that are over.

use access::Permission;
use kernel::{Clock, KeyId};
use mediator::Command;
use persistence::Tx;

use crate::{
    domain::{Candidate, Schedule, Tended},
    error::Error,
    published,
    store::signing_keys,
};

/// Tends the signing keys; sent again right afterwards, it does nothing.
#[derive(Debug, Clone)]
pub struct TendSigningKeys {
    /// The key to take into use if one is needed.
    pub candidate: Candidate,
    /// How long each part of a key's life takes.
    pub schedule: Schedule,
    /// The keys that no verifier can know yet.
    pub unannounced: Vec<KeyId>,
}

impl Command for TendSigningKeys {
    const NAME: &'static str = "auth.tend-signing-keys";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut keys = signing_keys::lock(tx).await?.with_unannounced(self.unannounced.iter().copied());
        let tended = keys.tend(&self.candidate, self.schedule, Clock::now());
        if tended == Tended::default() {
            return Ok(());
        }
        signing_keys::save(tx, &tended).await?;
        for key in &tended.changed {
            tx.record(key.version, published::signing_key(key));
        }
        for key in &tended.removed {
            tx.record_removal(key.version, &published::signing_key(key));
        }
        Ok(())
    }
}
