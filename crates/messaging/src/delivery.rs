//! What an event handler gets: the event or the state, and where it comes from.

use contracts::Envelope;
use kernel::OrganisationId;
use persistence::Provenance;
use uuid::Uuid;

/// A fact that has not had effects yet.
#[derive(Clone, Debug)]
pub struct Delivered<E> {
    /// What happened.
    pub event: E,
    /// Who says so, when, in which version of the aggregate.
    pub envelope: Envelope,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What goes into the events that follow from it: `tx.record_within(delivered.organisation, &delivered.provenance, …)`.
    pub provenance: Provenance,
}

/// The state of one aggregate. It may arrive again, and after a newer one: write it with
/// `where version < excluded.version`.
#[derive(Clone, Debug)]
pub struct Snapshot<E> {
    /// The aggregate.
    pub key: Uuid,
    /// Its state; none when the aggregate is gone.
    pub state: Option<E>,
    /// Its version, rising with every change.
    pub version: i64,
    /// Whose it is.
    pub organisation: OrganisationId,
}
