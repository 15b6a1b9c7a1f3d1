//! The two tables that tell who asks: auth's public keys and its organisations.
//! The rule: nobody is asked before both have been read to their end; afterwards the last good state serves.

use std::sync::Arc;

use access::{KeyRing, Organisations, SigningKey};
use contracts::Channel;
use contracts::auth::{OrganisationState, SigningKeyState};
use kernel::{KeyId, OrganisationId};
use messaging::{Entry, Settings, Table};
use service::{Boot, BootError, Part, Stage};

/// What is known of callers: returned when auth's topics have been read to their end, and kept up to date from then on.
///
/// # Errors
/// Only when the service is stopped meanwhile.
pub async fn identities(settings: &Settings, boot: &Boot) -> Result<(KeyRing, Organisations), BootError> {
    let (keys, organisations) = (KeyRing::new(), Organisations::new());
    let (ring, known) = (keys.clone(), organisations.clone());
    let key_table = Table::new(settings, move |entry| apply_key(&ring, entry));
    let organisation_table = Table::new(settings, move |entry| apply_organisation(&known, entry));
    let key_table = follow(boot, "signing keys", key_table);
    let organisation_table = follow(boot, "organisations", organisation_table);
    let read = async {
        key_table.read_to_end().await;
        organisation_table.read_to_end().await;
    };
    boot.until("keys and organisations", "the topics of auth are still being read", read).await?;
    Ok((keys, organisations))
}

fn follow<E: Channel>(boot: &Boot, name: &'static str, table: Table<E>) -> Arc<Table<E>> {
    let table = Arc::new(table);
    let followed = Arc::clone(&table);
    boot.run(Part::restarted(Stage::Closing, name, move |stop| {
        let table = Arc::clone(&followed);
        async move { Ok(table.follow(stop).await?) }
    }));
    table
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
