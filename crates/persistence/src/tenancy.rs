//! Whose rows a transaction sees: one organisation's, those of a batch of organisations, or what belongs to the platform.
//! The rule: a transaction has exactly one tenancy, chosen by its type, and PostgreSQL enforces it: the tenant role sees
//! the rows of `app.org` or of `app.orgs` only, the system role no organisation's table unless a policy of the table names
//! it.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use kernel::OrganisationId;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Tenant {}
    impl Sealed for super::Tenants {}
    impl Sealed for super::Platform {}
}

/// Whose rows a transaction sees: [`Tenant`], [`Tenants`] or [`Platform`].
pub trait Tenancy: sealed::Sealed + Clone + Debug + Display + Send + Sync + 'static {
    /// The organisation, where there is exactly one.
    fn organisation_id(&self) -> Option<OrganisationId>;

    /// Whether the rows are those of organisations, under the tenant role.
    fn is_tenant(&self) -> bool;

    /// Whether an event of this organisation, or of none, may leave with a transaction of this tenancy.
    fn covers(&self, organisation: Option<OrganisationId>) -> bool;

    /// The statement that tells PostgreSQL whose rows to show. An id is hexadecimal digits and hyphens, so there is nothing
    /// to escape.
    #[doc(hidden)]
    fn choosing(&self) -> Option<String>;
}

/// The rows of one organisation, under the tenant role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant(OrganisationId);

impl Tenant {
    /// The tenancy of this organisation.
    #[must_use]
    pub fn new(organisation: OrganisationId) -> Self {
        Self(organisation)
    }

    /// The organisation.
    #[must_use]
    pub fn organisation(self) -> OrganisationId {
        self.0
    }
}

/// The rows of several organisations at once, under the tenant role: what a batch is about. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenants(Arc<[OrganisationId]>);

impl Tenants {
    /// The tenancy of these organisations; each counts once.
    #[must_use]
    pub fn new(organisations: impl IntoIterator<Item = OrganisationId>) -> Self {
        let mut organisations: Vec<OrganisationId> = organisations.into_iter().collect();
        organisations.sort_unstable();
        organisations.dedup();
        Self(organisations.into())
    }

    /// The organisations, in the order of their ids.
    #[must_use]
    pub fn organisations(&self) -> &[OrganisationId] {
        &self.0
    }
}

/// What belongs to no organisation, or to many at once, under the system role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform;

impl Tenancy for Tenant {
    fn organisation_id(&self) -> Option<OrganisationId> {
        Some(self.0)
    }

    fn is_tenant(&self) -> bool {
        true
    }

    fn covers(&self, organisation: Option<OrganisationId>) -> bool {
        organisation == Some(self.0)
    }

    fn choosing(&self) -> Option<String> {
        Some(format!("SELECT set_config('app.org','{}',true)", self.0.uuid()))
    }
}

impl Tenancy for Tenants {
    fn organisation_id(&self) -> Option<OrganisationId> {
        None
    }

    fn is_tenant(&self) -> bool {
        true
    }

    fn covers(&self, organisation: Option<OrganisationId>) -> bool {
        organisation.is_some_and(|organisation| self.0.binary_search(&organisation).is_ok())
    }

    fn choosing(&self) -> Option<String> {
        let organisations: Vec<String> = self.0.iter().map(|organisation| organisation.uuid().to_string()).collect();
        Some(format!("SELECT set_config('app.orgs','{{{}}}',true)", organisations.join(",")))
    }
}

impl Tenancy for Platform {
    fn organisation_id(&self) -> Option<OrganisationId> {
        None
    }

    fn is_tenant(&self) -> bool {
        false
    }

    fn covers(&self, _organisation: Option<OrganisationId>) -> bool {
        true
    }

    fn choosing(&self) -> Option<String> {
        None
    }
}

impl Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Display for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [one] => Display::fmt(one, f),
            many => write!(f, "{} organisations", many.len()),
        }
    }
}

impl Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("platform")
    }
}

/// The statements that open a transaction: one round trip, and the tenancy is set before anything else runs.
pub(crate) fn opening(begin: &str, tenancy: &impl Tenancy) -> String {
    match tenancy.choosing() {
        Some(choosing) => format!("{begin};{choosing}"),
        None => begin.to_owned(),
    }
}
