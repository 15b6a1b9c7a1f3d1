//! Whose rows a transaction sees: one organisation's, or what belongs to the platform.
//! The rule: a transaction has exactly one tenancy, chosen by its type, and PostgreSQL enforces it: the tenant role sees
//! the rows of `app.org` only, the system role no organisation's table unless a policy of the table names it.

use std::fmt::{self, Debug, Display};

use kernel::OrganisationId;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Tenant {}
    impl Sealed for super::Platform {}
}

/// Whose rows a transaction sees: [`Tenant`] or [`Platform`].
pub trait Tenancy: sealed::Sealed + Copy + Debug + Display + Send + Sync + 'static {
    /// The organisation, where there is one.
    fn organisation_id(self) -> Option<OrganisationId>;
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

/// What belongs to no organisation, or to many at once, under the system role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform;

impl Tenancy for Tenant {
    fn organisation_id(self) -> Option<OrganisationId> {
        Some(self.0)
    }
}

impl Tenancy for Platform {
    fn organisation_id(self) -> Option<OrganisationId> {
        None
    }
}

impl Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("platform")
    }
}

/// The statements that open a transaction: one round trip, and `app.org` is set before anything else runs.
pub(crate) fn opening(begin: &str, tenancy: impl Tenancy) -> String {
    match tenancy.organisation_id() {
        Some(organisation) => format!("{begin};{}", choose(organisation)),
        None => begin.to_owned(),
    }
}

/// A simple query: an id is hexadecimal digits and hyphens, so there is nothing to escape.
pub(crate) fn choose(organisation: OrganisationId) -> String {
    format!("SELECT set_config('app.org','{}',true)", organisation.uuid())
}
