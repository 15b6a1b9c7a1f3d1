//! The two tables that tell who asks: auth's public keys and its organisations.
//! The rule: nobody is asked before both have been read to their end; afterwards the last good state serves.

use std::sync::Arc;

use access::{KeyRing, Organisations, SigningKey};
use contracts::auth::{OrganisationState, SigningKeyState};
use kernel::{KeyId, OrganisationId};
use messaging::{Entry, Settings, Table};
use service::{Boot, BootError, Part, Stage};

/// What is known of callers, kept up to date from auth's topics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identities {
    keys: KeyRing,
    organisations: Organisations,
    key_table: Arc<Table<SigningKeyState>>,
    organisation_table: Arc<Table<OrganisationState>>,
}

impl Identities {
    /// Knows nobody until [`Identities::follow`] has read the topics.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let (keys, organisations) = (KeyRing::new(), Organisations::new());
        let (ring, known) = (keys.clone(), organisations.clone());
        Self {
            keys,
            organisations,
            key_table: Arc::new(Table::new(settings, move |entry| apply_key(&ring, entry))),
            organisation_table: Arc::new(Table::new(settings, move |entry| apply_organisation(&known, entry))),
        }
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

    /// Starts following both topics, and returns when both have been read to their end.
    ///
    /// # Errors
    /// Only when the service is stopped meanwhile.
    pub async fn follow(&self, boot: &Boot) -> Result<(), BootError> {
        const KEYS: &str = "signing keys";
        const ORGANISATIONS: &str = "organisations";
        let table = Arc::clone(&self.key_table);
        boot.run(Part::restarted(Stage::Closing, KEYS, move |stop| {
            let table = Arc::clone(&table);
            async move { Ok(table.follow(stop).await?) }
        }));
        let table = Arc::clone(&self.organisation_table);
        boot.run(Part::restarted(Stage::Closing, ORGANISATIONS, move |stop| {
            let table = Arc::clone(&table);
            async move { Ok(table.follow(stop).await?) }
        }));
        let read = async {
            self.key_table.read_to_end().await;
            self.organisation_table.read_to_end().await;
        };
        boot.until("keys and organisations", "the topics of auth are still being read", read).await
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
