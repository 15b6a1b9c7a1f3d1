//! The tables that tell who asks: auth's public keys and organisations for every service, and for the gateway also what
//! ends a credential early.
//! The rule: nobody is asked before they have been read to their end; afterwards the last good state serves. Without a single key
//! every token is refused, so a service is ready once it knows one. Auth makes its own, and so waits for nobody.

use std::sync::Arc;

use access::{ApiKeys, KeyRing, Organisation, Organisations, PublishedKey, SigningKey, Standings};
use contracts::Channel;
use contracts::auth::{ApiKeyState, EndedSessionState, MembershipState, OrganisationState, SigningKeyState};
use kernel::{ApiKeyId, KeyId, OrganisationId, SessionId};
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
    ready_with_a_key(boot, &keys);
    Ok((keys, organisations))
}

/// Lets the service be ready once it knows a key. It takes requests before that, of which those without a token need none.
pub(crate) fn ready_with_a_key(boot: &Boot, keys: &KeyRing) {
    let ring = keys.clone();
    let reason = "auth has published no key yet, so every token is refused; it does when it runs";
    boot.ready_once("signing keys", reason, move || !ring.is_empty());
}

/// What ends credentials early, for whoever lets requests in: ended sessions and changed memberships, and the API keys.
/// Returned when auth's topics have been read to their end, and kept up to date from then on.
///
/// # Errors
/// Only when the service is stopped meanwhile.
pub async fn standings(settings: &Settings, boot: &Boot) -> Result<(Standings, ApiKeys), BootError> {
    let (standings, keys) = (Standings::new(), ApiKeys::new());
    let (sessions, memberships, known) = (standings.clone(), standings.clone(), keys.clone());
    let session_table = Table::new(settings, move |entry| apply_session(&sessions, entry));
    let membership_table = Table::new(settings, move |entry| apply_membership(&memberships, entry));
    let key_table = Table::new(settings, move |entry| apply_api_key(&known, entry));
    let session_table = follow(boot, "ended sessions", session_table);
    let membership_table = follow(boot, "memberships", membership_table);
    let key_table = follow(boot, "API keys", key_table);
    let read = async {
        session_table.read_to_end().await;
        membership_table.read_to_end().await;
        key_table.read_to_end().await;
    };
    boot.until("sessions, memberships and API keys", "the topics of auth are still being read", read).await?;
    Ok((standings, keys))
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
        Some(state) => organisations.apply(Organisation {
            organisation: state.organisation,
            slug: state.slug,
            currency: state.currency,
            guests: state.guests.unwrap_or(true),
            active: state.active,
        }),
        None => organisations.remove(OrganisationId::from_uuid(entry.key)),
    }
}

fn apply_session(standings: &Standings, entry: Entry<EndedSessionState>) {
    match entry.state {
        Some(state) => standings.end(state.session),
        None => standings.forget(SessionId::from_uuid(entry.key)),
    }
}

fn apply_membership(standings: &Standings, entry: Entry<MembershipState>) {
    // Without a record a token counts, so a tombstone, which auth does not write, forgets nothing.
    if let Some(state) = entry.state {
        standings.apply(state.membership, state.version, state.active);
    }
}

fn apply_api_key(keys: &ApiKeys, entry: Entry<ApiKeyState>) {
    let Some(state) = entry.state else { return keys.remove(ApiKeyId::from_uuid(entry.key)) };
    let published = PublishedKey {
        key: state.key,
        organisation: state.organisation,
        hash: state.hash,
        permissions: state.permissions,
        networks: state.networks,
        expires_at: state.expires_at,
        revoked: state.revoked_at.is_some(),
    };
    if let Err(error) = keys.apply(&published) {
        tracing::error!(key = %published.key, %error, "a published API key cannot be used; it is refused");
    }
}
