//! The two tables that tell who asks: auth's public keys and its organisations.
//! The rule: a record that arrives again, or late, changes nothing; a key that was removed stays removed.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use access::{KeyRing, Organisations, SigningKey};
use contracts::auth::{OrganisationState, SigningKeyState};
use kernel::{KeyId, OrganisationId};
use uuid::Uuid;

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
        let (ring, newest) = (keys.clone(), Newest::default());
        let key_table = Table::start::<SigningKeyState>(settings, move |entry| {
            if newest.is(&entry) {
                apply_key(&ring, entry);
            }
        })
        .await?;
        let (known, newest) = (organisations.clone(), Newest::default());
        let organisation_table = Table::start::<OrganisationState>(settings, move |entry| {
            if newest.is(&entry) {
                apply_organisation(&known, entry);
            }
        })
        .await?;
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

/// The highest version seen of each aggregate: a relay that was interrupted sends older records again.
#[derive(Debug, Default)]
pub struct Newest(Mutex<HashMap<Uuid, i64>>);

impl Newest {
    /// Whether this record is not older than one that was seen before.
    pub fn is<E>(&self, entry: &Entry<E>) -> bool {
        // Nothing panics while it holds the lock.
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = versions.entry(entry.key).or_insert(0);
        // A tombstone that a tool wrote has no version and is always meant.
        if entry.version != 0 && entry.version < *seen {
            return false;
        }
        *seen = entry.version.max(*seen);
        true
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

#[cfg(test)]
mod tests {
    use super::{Entry, Newest};

    #[test]
    fn an_older_record_that_comes_again_is_passed_by() {
        let newest = Newest::default();
        let (key, other) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        let is = |key, version| newest.is(&Entry::<()> { key, state: None, version });
        assert!(is(key, 1));
        assert!(is(key, 3));
        assert!(!is(key, 2), "late");
        assert!(is(key, 3), "again");
        assert!(is(other, 1));
        assert!(is(key, 0), "a tool's tombstone");
        assert!(!is(key, 2), "which does not let older ones in");
    }
}
