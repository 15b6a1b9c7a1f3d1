//! Letting prices count that have begun, and no longer those that have ended.

use access::Permission;
use kernel::{ProductId, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::product_states;
use crate::domain::product::Product;
use crate::error::Error;
use crate::store;

/// Brings those of the products up to a time whose prices have begun or ended since. Products that somebody else is changing are
/// left for the next time. Gives those that have changed.
#[derive(Debug, Clone)]
pub struct PassPrices {
    /// The products that the sweep found.
    pub products: Vec<ProductId>,
    /// The time, by the database's clock.
    pub at: Timestamp,
}

impl Command for PassPrices {
    const NAME: &'static str = "catalog.pass-prices";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = Vec<ProductId>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Vec<ProductId>, Error> {
        let mut products = store::prices::pass(tx, &self.products, self.at).await?;
        for product in &mut products {
            product.advance(self.at);
        }
        store::products::save(tx, &products.iter().collect::<Vec<&Product>>()).await?;
        product_states::record(tx, products.iter()).await?;
        Ok(products.iter().map(Product::id).collect())
    }
}
