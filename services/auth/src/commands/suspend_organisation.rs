//! Suspends an organisation, and lets it go on: its people cannot work and its shop is closed meanwhile.

use access::Permission;
use kernel::{Clock, OrganisationId};
use mediator::{Command, Platform, Tx};

use crate::{domain::Organisation, error::Error, published, store::organisations};

/// Sets whether an organisation is in use; setting it again changes nothing.
#[derive(Debug, Clone)]
pub struct SuspendOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Whether it is in use from now on.
    pub active: bool,
}

impl Command for SuspendOrganisation {
    const NAME: &'static str = "auth.suspend-organisation";
    const REQUIRES: Permission = Permission::PlatformManage;
    type Tenancy = Platform;
    type Reply = Organisation;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Organisation, Error> {
        let organisation = organisations::lock_any(tx, self.organisation).await?;
        if organisation.active == self.active {
            return Ok(organisation);
        }
        let version = organisation.version + 1;
        let changed = Organisation { active: self.active, version, ..organisation };
        organisations::save_active(tx, &changed).await?;
        let provenance = tx.provenance().clone();
        tx.record_within(changed.id, &provenance, Clock::now(), version, published::organisation(&changed));
        Ok(changed)
    }
}
