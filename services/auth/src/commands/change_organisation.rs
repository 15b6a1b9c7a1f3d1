//! Changes what an organisation says of itself.

use access::Permission;
use kernel::Expected;
use mediator::{Command, Tenant, Tx};

use crate::{
    domain::{Country, Name, Organisation, TimeZone},
    error::Error,
    published,
    store::organisations,
};

/// Changes an organisation; what is none stays as it is.
#[derive(Debug, Clone)]
pub struct ChangeOrganisation {
    /// The versions that the caller saw.
    pub expected: Expected,
    /// The name that people see.
    pub name: Option<Name>,
    /// Where it is based.
    pub country: Option<Country>,
    /// The time zone of its days.
    pub time_zone: Option<TimeZone>,
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
        let changed = organisation.changed(self.name.clone(), self.country.clone(), self.time_zone.clone());
        organisations::save(tx, &changed).await?;
        tx.record(changed.version, published::organisation(&changed));
        Ok(changed)
    }
}
