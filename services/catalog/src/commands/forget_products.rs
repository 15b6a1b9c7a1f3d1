//! Noting that what is cached of some products is stale. Nothing is stored: the cache itself is asked later, outside
//! of every transaction.

use access::Permission;
use kernel::{OrganisationId, ProductId};
use mediator::Command;
use persistence::Tx;

use crate::error::Error;
use crate::processes::invalidation::StaleProducts;

/// Notes products whose state came back from the broker.
#[derive(Debug, Clone)]
pub struct ForgetProducts {
    /// The products.
    pub products: Vec<(OrganisationId, ProductId)>,
    /// Where they are noted.
    pub stale: StaleProducts,
}

impl Command for ForgetProducts {
    const NAME: &'static str = "catalog.forget-products";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, _tx: &mut Tx<'_>) -> Result<(), Error> {
        self.stale.note(self.products.iter().copied());
        Ok(())
    }
}
