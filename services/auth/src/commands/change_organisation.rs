//! Changes what an organisation says of itself.

use access::Permission;
use kernel::Expected;
use mediator::{Command, Tenant, Tx};

use crate::{
    domain::{Organisation, OrganisationChange},
    error::Error,
    published,
    store::organisations,
};

/// Changes an organisation.
#[derive(Debug, Clone)]
pub struct ChangeOrganisation {
    /// The versions that the caller saw.
    pub expected: Expected,
    /// What changes.
    pub change: OrganisationChange,
}

impl Command for ChangeOrganisation {
    const NAME: &'static str = "auth.change-organisation";
    const REQUIRES: Permission = Permission::OrganisationWrite;
    type Tenancy = Tenant;
    type Reply = Organisation;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Organisation, Error> {
        let organisation = organisations::lock(tx).await?;
        Error::unless_expected(&self.expected, organisation.version)?;
        let Some(changed) = organisation.changed(self.change.clone()) else { return Ok(organisation) };
        organisations::save(tx, &changed).await?;
        tx.record(changed.version, published::organisation(&changed));
        Ok(changed)
    }
}
