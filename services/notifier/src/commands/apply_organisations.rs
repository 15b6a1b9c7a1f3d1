//! Keeps the notifier's own copy of the organisations' names up to date. The newest version wins in whatever order they
//! arrive.

use access::Permission;
use mediator::{Command, Tenant, Tx};

use crate::domain::OrganisationName;
use crate::error::Error;
use crate::store::organisations;

/// A change of an organisation.
#[derive(Debug, Clone)]
pub enum OrganisationChange {
    /// It has these names now.
    State(OrganisationName),
    /// It was removed.
    Removed,
}

/// Changes of one organisation, in order.
#[derive(Debug, Clone)]
pub struct ApplyOrganisations(pub Vec<OrganisationChange>);

impl Command for ApplyOrganisations {
    const NAME: &'static str = "notifier.apply-organisations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for change in &self.0 {
            match change {
                OrganisationChange::State(state) => organisations::upsert(tx, state).await?,
                OrganisationChange::Removed => organisations::remove(tx).await?,
            }
        }
        Ok(())
    }
}
