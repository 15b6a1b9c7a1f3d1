//! Changing a product: its texts, its place, its status, its variants.

use access::Permission;
use kernel::{Clock, Expected, ProductId, Sku};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::product::{Product, ProductChange};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::Opening;

/// Changes a product that the caller has read in one of the versions `expected`.
#[derive(Debug, Clone)]
pub struct ChangeProduct {
    /// The product.
    pub product: ProductId,
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// What is to be different.
    pub change: ProductChange,
}

impl Command for ChangeProduct {
    const NAME: &'static str = "catalog.change-product";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        let now = Clock::now();
        let before = store::products::lock(tx, self.product).await?;
        if !self.expected.includes(before.version()) {
            return Err(Error::Stale { product: self.product, current: before.version() });
        }
        let mut product = before.clone();
        if !product.change(self.change.clone(), now).map_err(Error::ProductRefused)? {
            return Ok(product);
        }
        if let Some(category) = product.category()
            && product.category() != before.category()
        {
            store::categories::require(tx, category).await?;
        }
        if product.slug() != before.slug() && store::products::slug_is_taken(tx, product.slug(), product.id()).await? {
            return Err(Error::SlugTaken { slug: product.slug().clone() });
        }
        let added = &product.variants()[before.variants().len()..];
        let skus: Vec<Sku> = added.iter().map(|variant| variant.sku.clone()).collect();
        let organisation = tx.organisation();
        let taken = store::products::taken_skus_of(tx, organisation, &skus).await?;
        if !taken.is_empty() {
            return Err(Error::SkuTaken { taken });
        }
        store::products::save(tx, &[&product]).await?;
        let actor = tx.provenance().actor.clone();
        let openings: Vec<Opening<'_>> = added
            .iter()
            .map(|variant| Opening {
                organisation,
                actor: &actor,
                variant: variant.id,
                sku: &variant.sku,
                on_hand: 0,
                low_threshold: 0,
            })
            .collect();
        store::stock::open(tx, &openings, "initial stock", now).await?;
        tx.record(product.version(), published::product(&product));
        Ok(product)
    }
}
