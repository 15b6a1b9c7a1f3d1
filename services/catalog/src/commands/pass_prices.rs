//! Letting prices count that have begun, and no longer those that have ended.

use access::Permission;
use kernel::{OrganisationId, ProductId, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::product::Product;
use crate::error::Error;
use crate::published;
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
        let organisation: OrganisationId = tx.organisation();
        let mut products = store::prices::pass(tx, &self.products, self.at).await?;
        for product in &mut products {
            product.advance(self.at);
        }
        store::products::save(tx, &products.iter().collect::<Vec<&Product>>()).await?;
        let asked: Vec<_> = products.iter().filter_map(|one| Some((organisation, one.category()?))).collect();
        let paths = store::categories::known(tx, &asked).await?;
        for product in &products {
            let path = product.category().and_then(|category| paths.get(&(organisation, category)));
            let state = published::product(product, path.map(Vec::as_slice).unwrap_or_default());
            tx.record(product.version(), state);
        }
        Ok(products.iter().map(Product::id).collect())
    }
}
