//! Does what is due with the signing keys: takes the first into use, announces the next, removes those that are over.

use std::time::Duration;

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use crate::{
    domain::{Candidate, Schedule, SigningKeys, Tended},
    error::Error,
    published,
    store::signing_keys,
};

/// Tends the signing keys and replies with those that are in use then. Sent again right afterwards, it changes nothing.
#[derive(Debug, Clone)]
pub struct TendSigningKeys {
    /// The key to take into use if one is needed.
    pub candidate: Candidate,
    /// How long each stage of a key's life takes.
    pub schedule: Schedule,
}

impl Command for TendSigningKeys {
    const NAME: &'static str = "auth.tend-signing-keys";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = SigningKeys;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<SigningKeys, Error> {
        tend(tx, &self.candidate, self.schedule).await
    }
}

/// Announces the next signing key now, however long the current one has signed; one that is announced already is the next
/// one. It signs after its notice, and the tokens of the former one stay valid until they expire.
#[derive(Debug, Clone)]
pub struct RotateSigningKeys {
    /// The key to take into use.
    pub candidate: Candidate,
    /// How long each stage of a key's life takes.
    pub schedule: Schedule,
}

impl Command for RotateSigningKeys {
    const NAME: &'static str = "auth.rotate-signing-keys";
    const REQUIRES: Permission = Permission::PlatformManage;
    type Tenancy = Platform;
    type Reply = SigningKeys;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<SigningKeys, Error> {
        tend(tx, &self.candidate, Schedule { signs_for: Duration::ZERO, ..self.schedule }).await
    }
}

async fn tend(tx: &mut Tx<'_, Platform>, candidate: &Candidate, schedule: Schedule) -> Result<SigningKeys, Error> {
    let mut keys = signing_keys::lock(tx).await?;
    let tended = keys.tend(candidate, schedule, Clock::now());
    if tended == Tended::default() {
        return Ok(keys);
    }
    signing_keys::save(tx, &tended).await?;
    for key in &tended.changed {
        tx.record(key.version, published::signing_key(key));
    }
    for key in &tended.removed {
        tx.record_removal(key.version, &published::signing_key(key));
    }
    Ok(keys)
}
