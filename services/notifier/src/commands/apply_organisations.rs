//! Keeps the notifier's own copy of the organisations' names up to date. The newest version wins in whatever order they
//! arrive.

use access::Permission;
use kernel::OrganisationId;
use mediator::{Command, Tenants, Tx};

use crate::domain::OrganisationName;
use crate::error::Error;
use crate::store::organisations;

/// The newest state of each of several organisations.
#[derive(Debug, Clone, Default)]
pub struct ApplyOrganisations {
    /// Organisations that have these names now.
    pub named: Vec<OrganisationName>,
    /// Organisations that were removed.
    pub removed: Vec<OrganisationId>,
}

impl Command for ApplyOrganisations {
    const NAME: &'static str = "notifier.apply-organisations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        organisations::upsert(tx, &self.named).await?;
        organisations::remove(tx, &self.removed).await
    }
}
