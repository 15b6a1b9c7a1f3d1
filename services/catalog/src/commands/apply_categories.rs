//! Keeping the catalog's copy of the category tree.

use access::Permission;
use kernel::{CategoryId, OrganisationId};
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::domain::category::CategoryCopy;
use crate::error::Error;
use crate::store;

/// Applies states of categories, of however many organisations, in any order and any number of times.
#[derive(Debug, Clone, Default)]
pub struct ApplyCategories {
    /// States; one that is older than the stored one changes nothing.
    pub copies: Vec<CategoryCopy>,
    /// Categories that are gone.
    pub gone: Vec<(OrganisationId, CategoryId)>,
}

impl Command for ApplyCategories {
    const NAME: &'static str = "catalog.apply-categories";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        store::categories::apply(tx, &self.copies).await?;
        store::categories::forget(tx, &self.gone).await
    }
}
