//! Taking a product off sale. What is reserved or held for orders stays reserved or held.

use access::Permission;
use kernel::{Clock, ProductId};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::product::Product;
use crate::error::Error;
use crate::published;
use crate::store;

/// Retires a product; one that is retired already stays as it is.
#[derive(Debug, Clone)]
pub struct RetireProduct {
    /// The product.
    pub product: ProductId,
}

impl Command for RetireProduct {
    const NAME: &'static str = "catalog.retire-product";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        let mut product = store::products::lock(tx, self.product).await?;
        if product.retire(Clock::now()) {
            store::products::save(tx, &[&product]).await?;
            let path = store::categories::path(tx, product.category()).await?;
            tx.record(product.version(), published::product(&product, &path));
        }
        Ok(product)
    }
}
