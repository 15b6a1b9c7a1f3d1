//! Brings this service's copy of which product stands where up to date with a batch of product states, of however many
//! organisations.

use access::Permission;
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::{domain::ProductCopy, error::Error, store::products};

/// Takes product states, older ones and any number of times.
#[derive(Debug, Clone)]
pub struct ApplyProducts {
    /// The states, each product once and in the order of organisations and ids.
    pub products: Vec<ProductCopy>,
    /// Whether a rebuild sends them: it also corrects rows that claim the very version that it brings.
    pub rebuild: bool,
}

impl Command for ApplyProducts {
    const NAME: &'static str = "category.apply-products";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        products::apply(tx, &self.products, self.rebuild).await
    }
}
