//! The two tables that tell who asks: auth's public keys and its organisations.
//! The rule: nobody is asked before both have been read to their end.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use access::{KeyRing, Organisations, SigningKey};
use contracts::auth::{OrganisationState, SigningKeyState};
use kernel::{KeyId, OrganisationId};

use crate::settings::Settings;
use crate::table::{Entry, Table};
use crate::topics::TopicError;

/// The running tables and what they hold.
#[derive(Debug)]
pub struct Identities {
    keys: KeyRing,
    organisations: Organisations,
    tables: [Table; 2],
}

impl Identities {
    /// Starts reading both topics.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or a topic is not what it must be.
    pub async fn start(settings: &Settings) -> Result<Self, TopicError> {
        let (keys, organisations) = (KeyRing::new(), Organisations::new());
        let ring = keys.clone();
        let key_table = Table::start::<SigningKeyState>(settings, move |entry| apply_key(&ring, entry)).await?;
        let known = organisations.clone();
        let organisation_table =
            Table::start::<OrganisationState>(settings, move |entry| apply_organisation(&known, entry)).await?;
        Ok(Self { keys, organisations, tables: [key_table, organisation_table] })
    }

    /// The keys that verify tokens.
    #[must_use]
    pub fn keys(&self) -> KeyRing {
        self.keys.clone()
    }

    /// The organisations by slug and id.
    #[must_use]
    pub fn organisations(&self) -> Organisations {
        self.organisations.clone()
    }

    /// Whether everything that was on the topics at the start has been applied, as `Boot::ready_when` asks for it.
    pub fn readiness(&self) -> impl Fn() -> Ready<Result<(), &'static str>> + Clone + Send + Sync + 'static {
        let tables: Arc<[Arc<AtomicBool>]> = self.tables.iter().map(Table::readiness).collect();
        move || {
            let all = tables.iter().all(|table| table.load(Ordering::Acquire));
            ready(if all { Ok(()) } else { Err("still reading the topics of auth") })
        }
    }

    /// Stops reading.
    pub async fn stop(self) {
        let [keys, organisations] = self.tables;
        tokio::join!(keys.stop(), organisations.stop());
    }
}

fn apply_key(ring: &KeyRing, entry: Entry<SigningKeyState>) {
    let Some(state) = entry.state else { return ring.remove(KeyId::from_uuid(entry.key)) };
    let key = SigningKey { kid: state.kid, public_key: state.public_key };
    if let Err(error) = ring.apply(&key) {
        tracing::error!(kid = %key.kid, %error, "a published signing key cannot be used; its tokens are refused");
    }
}

fn apply_organisation(organisations: &Organisations, entry: Entry<OrganisationState>) {
    match entry.state {
        Some(state) => organisations.apply(state.organisation, state.slug, state.currency, state.active),
        None => organisations.remove(OrganisationId::from_uuid(entry.key)),
    }
}
