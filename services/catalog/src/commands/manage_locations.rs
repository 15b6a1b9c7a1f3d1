//! Locations where an organisation has pieces: created and changed. None is deleted, since the ledger names it.

use access::Permission;
use kernel::{Clock, Expected, Slug};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::location::{Location, LocationChange};
use crate::domain::wording::Title;
use crate::error::Error;
use crate::store;

/// Creates a location.
#[derive(Debug, Clone)]
pub struct CreateLocation {
    /// Its name in requests.
    pub code: Slug,
    /// Its name for people.
    pub name: Title,
    /// The lowest serves first.
    pub priority: i32,
}

impl Command for CreateLocation {
    const NAME: &'static str = "catalog.create-location";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = Location;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Location, Error> {
        let now = Clock::now();
        let (code, name) = (self.code.clone(), self.name.clone());
        let created = Location {
            code,
            name,
            priority: self.priority,
            active: true,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        store::locations::insert(tx, &created).await?;
        Ok(created)
    }
}

/// Changes a location that the caller has read in one of the versions `expected`.
#[derive(Debug, Clone)]
pub struct ChangeLocation {
    /// The location.
    pub code: Slug,
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// What is to be different.
    pub change: LocationChange,
}

impl Command for ChangeLocation {
    const NAME: &'static str = "catalog.change-location";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = Location;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Location, Error> {
        let mut location = store::locations::lock(tx, &self.code).await?;
        if !self.expected.includes(location.version) {
            return Err(Error::StaleLocation { code: self.code.clone(), current: location.version });
        }
        // Whoever brings pieces keeps the location locked until they are there.
        if self.change.active == Some(false) && location.active && store::locations::has_pieces(tx, &self.code).await? {
            return Err(Error::LocationNotEmpty { code: self.code.clone() });
        }
        if location.change(&self.change, Clock::now()) {
            store::locations::save(tx, &location).await?;
        }
        Ok(location)
    }
}
