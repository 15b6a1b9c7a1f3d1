//! Creating a product with its variants and the stock that they begin with.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::product::{NewProduct, Product};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::Opening;

/// Creates a product.
#[derive(Debug, Clone)]
pub struct CreateProduct {
    /// What is to be created.
    pub product: NewProduct,
}

impl Command for CreateProduct {
    const NAME: &'static str = "catalog.create-product";
    const REQUIRES: Permission = Permission::ProductsWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        let now = Clock::now();
        let product = Product::create(self.product.clone(), now).map_err(Error::ProductRefused)?;
        if let Some(category) = product.category() {
            store::categories::require(tx, category).await?;
        }
        let taken = store::products::insert(tx, &[&product]).await?;
        if let Some(slug) = taken.slugs.into_iter().next() {
            return Err(Error::SlugTaken { slug });
        }
        if !taken.skus.is_empty() {
            return Err(Error::SkuTaken { skus: taken.skus });
        }
        let openings: Vec<Opening<'_>> = product
            .variants()
            .iter()
            .zip(&self.product.variants)
            .map(|(variant, new)| Opening {
                variant: variant.id,
                sku: &variant.sku,
                on_hand: new.stock,
                low_threshold: new.low_threshold,
            })
            .collect();
        store::stock::open(tx, &openings, "initial stock", now).await?;
        tx.record(product.version(), published::product(&product));
        Ok(product)
    }
}
