//! Brings this service's own copy of the catalog up to date with a batch of product states, of however many
//! organisations.

use access::Permission;
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::{domain::Product, error::Error, store::sellable};

/// Takes product states, older ones and any number of times.
#[derive(Debug, Clone)]
pub struct ApplyProducts {
    /// The states, each product once and in the order of organisations and ids.
    pub products: Vec<Product>,
    /// Whether a rebuild sends them: it also corrects rows that claim the very version that it brings.
    pub rebuild: bool,
}

impl Command for ApplyProducts {
    const NAME: &'static str = "order.apply-products";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        sellable::apply(tx, &self.products, self.rebuild).await
    }
}
