//! Taking a product off sale. What is reserved or held for orders stays theirs.

use access::Permission;
use kernel::{Clock, ProductId};
use mediator::Command;
use persistence::Tx;

use crate::domain::product::Product;
use crate::error::CatalogError;
use crate::events::published;
use crate::store;

/// Retires a product; one that is retired already stays as it is.
#[derive(Debug, Clone)]
pub struct RetireProduct {
    /// Which.
    pub product: ProductId,
}

impl Command for RetireProduct {
    const NAME: &'static str = "catalog.retire-product";
    const REQUIRES: Permission = Permission::ProductsWrite;
    type Reply = Product;
    type Error = CatalogError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, CatalogError> {
        let organisation = tx.organisation();
        let mut product = store::products::lock(tx.connection(), organisation, self.product).await?;
        if product.retire(Clock::now()) {
            store::products::save(tx.connection(), organisation, &[&product]).await?;
            tx.record(product.version(), published::product(&product));
        }
        Ok(product)
    }
}
