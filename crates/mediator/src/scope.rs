//! Who asks, for which organisation, and as part of what.

use access::Caller;
use kernel::OrganisationId;
use persistence::Provenance;

/// The circumstances of one command or query.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Who asks, from a verified credential or from the system itself.
    pub caller: Caller,
    /// Whose data it is about; every statement sees this organisation's rows only.
    pub organisation: OrganisationId,
    /// What goes into the events that follow.
    pub provenance: Provenance,
}

impl Scope {
    /// The scope of a request.
    #[must_use]
    pub fn of(caller: Caller, organisation: OrganisationId) -> Self {
        let mut provenance = Provenance::new(caller.actor());
        provenance.traceparent = crate::traceparent_of(&tracing::Span::current());
        Self { caller, organisation, provenance }
    }

    /// The scope of something that the system does by itself: a sweep, an event's command.
    #[must_use]
    pub fn system(part: &'static str, organisation: OrganisationId) -> Self {
        Self::of(Caller::System { part }, organisation)
    }

    /// The scope of a command that an event causes.
    #[must_use]
    pub fn caused(part: &'static str, organisation: OrganisationId, provenance: Provenance) -> Self {
        Self { caller: Caller::System { part }, organisation, provenance }
    }
}
