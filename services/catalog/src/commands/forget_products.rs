//! Noting that what is cached of some products is stale. Nothing is stored: the cache itself is asked later, outside
//! of every transaction.

use access::Permission;
use kernel::{OrganisationId, ProductId};
use mediator::Command;
use persistence::Tx;

use crate::error::CatalogError;
use crate::forgetting::Forgetting;

/// Notes products whose state came back from the broker.
#[derive(Debug, Clone)]
pub struct ForgetProducts {
    /// Which.
    pub products: Vec<(OrganisationId, ProductId)>,
    /// Who forgets them.
    pub forgetting: Forgetting,
}

impl Command for ForgetProducts {
    const NAME: &'static str = "catalog.forget-products";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = CatalogError;

    async fn execute(&self, _tx: &mut Tx<'_>) -> Result<(), CatalogError> {
        self.forgetting.note(&self.products);
        Ok(())
    }
}
