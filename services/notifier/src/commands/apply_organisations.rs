//! Keeps the own copy of organisations' names; the newest version wins, whatever order they arrive in.

use access::Permission;
use mediator::{Command, Tx};

use crate::domain::OrganisationName;
use crate::error::Error;
use crate::store::organisations;

/// A new state of an organisation, or its end.
#[derive(Debug, Clone)]
pub enum OrganisationChange {
    /// It is now so.
    State(OrganisationName),
    /// It is gone.
    Removed,
}

/// Changes of one organisation, in order.
#[derive(Debug, Clone)]
pub struct ApplyOrganisations(pub Vec<OrganisationChange>);

impl Command for ApplyOrganisations {
    const NAME: &'static str = "notifier.apply-organisations";
    const REQUIRES: Permission = Permission::System;
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
