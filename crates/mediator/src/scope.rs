//! Who asks, whose data it is about, and as part of what.

use access::Caller;
use kernel::OrganisationId;
use persistence::{Platform, Provenance, Tenancy, Tenant, Tenants, Tx};

/// The circumstances of one command or query: in an organisation, or on the platform.
#[derive(Clone, Debug)]
pub struct Scope<T: Tenancy = Tenant> {
    /// Who asks, from a verified credential or from the system itself.
    pub caller: Caller,
    /// Whose rows every statement sees.
    pub tenancy: T,
    /// What goes into the events that follow.
    pub provenance: Provenance,
}

impl Scope<Tenant> {
    /// The scope of a request in an organisation.
    #[must_use]
    pub fn of(caller: Caller, organisation: OrganisationId) -> Self {
        Self::begin(caller, Tenant::new(organisation))
    }

    /// The scope of something that the system does by itself in an organisation: a sweep's command.
    #[must_use]
    pub fn system(part: &'static str, organisation: OrganisationId) -> Self {
        Self::of(Caller::System { part }, organisation)
    }

    /// The organisation.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.tenancy.organisation()
    }
}

impl Scope<Tenants> {
    /// The scope of something that the system does for several organisations at once: what a batch of their events causes.
    #[must_use]
    pub fn batch(part: &'static str, organisations: impl IntoIterator<Item = OrganisationId>) -> Self {
        Self::begin(Caller::System { part }, Tenants::new(organisations))
    }

    /// The same for a transaction that somebody else has begun. Its provenance stands for what no single event is the cause
    /// of; each effect names its own cause.
    #[must_use]
    pub fn batch_in(part: &'static str, tx: &Tx<'_, Tenants>) -> Self {
        Self { caller: Caller::System { part }, tenancy: tx.tenancy().clone(), provenance: tx.provenance().clone() }
    }
}

impl Scope<Platform> {
    /// The scope of a request that is about no organisation.
    #[must_use]
    pub fn platform(caller: Caller) -> Self {
        Self::begin(caller, Platform)
    }

    /// The scope of something that the system does by itself for no organisation in particular: what a sweep looks for.
    #[must_use]
    pub fn platform_system(part: &'static str) -> Self {
        Self::platform(Caller::System { part })
    }

    /// The same caller and the same chain of causes, in this organisation.
    #[must_use]
    pub fn within(&self, organisation: OrganisationId) -> Scope<Tenant> {
        Scope { caller: self.caller.clone(), tenancy: Tenant::new(organisation), provenance: self.provenance.clone() }
    }
}

impl<T: Tenancy> Scope<T> {
    fn begin(caller: Caller, tenancy: T) -> Self {
        let mut provenance = Provenance::new(caller.actor());
        provenance.traceparent = crate::traceparent_of(&tracing::Span::current());
        Self { caller, tenancy, provenance }
    }

    /// Whether this is one of the looks that the system takes all the time, as part of no trace.
    pub(crate) fn is_routine(&self) -> bool {
        !self.tenancy.is_tenant()
            && matches!(self.caller, Caller::System { .. })
            && self.provenance.traceparent.is_none()
    }
}
