//! Making a retired product a draft again.

use access::Permission;
use kernel::{Clock, ProductId};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::product::Product;
use crate::error::Error;
use crate::published;
use crate::store;

/// Restores a product; one that is not retired stays as it is.
#[derive(Debug, Clone)]
pub struct RestoreProduct {
    /// The product.
    pub product: ProductId,
}

impl Command for RestoreProduct {
    const NAME: &'static str = "catalog.restore-product";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        let mut product = store::products::lock(tx, self.product).await?;
        if product.restore(Clock::now()) {
            store::products::save(tx, &[&product]).await?;
            let path = store::categories::path(tx, product.category()).await?;
            tx.record(product.version(), published::product(&product, &path));
        }
        Ok(product)
    }
}
