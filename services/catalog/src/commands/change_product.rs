//! Changing a product: its texts, its place, its status, its variants.

use access::Permission;
use kernel::{Clock, ProductId};
use mediator::Command;
use persistence::Tx;

use crate::domain::product::{Product, ProductChange};
use crate::error::CatalogError;
use crate::events::published;
use crate::store;
use crate::store::stock::{Entry, Opening};

/// Changes a product that the caller has read in version `expected`.
#[derive(Debug, Clone)]
pub struct ChangeProduct {
    /// Which.
    pub product: ProductId,
    /// The version that the caller has seen.
    pub expected: i64,
    /// What is to be different.
    pub change: ProductChange,
}

impl Command for ChangeProduct {
    const NAME: &'static str = "catalog.change-product";
    const REQUIRES: Permission = Permission::ProductsWrite;
    type Reply = Product;
    type Error = CatalogError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, CatalogError> {
        let organisation = tx.organisation();
        let actor = tx.provenance().actor.clone();
        let now = Clock::now();
        let before = store::products::lock(tx.connection(), organisation, self.product).await?;
        if before.version() != self.expected {
            return Err(CatalogError::Stale {
                product: self.product,
                expected: self.expected,
                current: before.version(),
            });
        }
        let mut product = before.clone();
        if !product.change(self.change.clone(), now).map_err(CatalogError::ProductRefused)? {
            return Ok(product);
        }
        if let Some(category) = product.category()
            && product.category() != before.category()
        {
            store::categories::require(tx.connection(), organisation, category).await?;
        }
        if product.slug() != before.slug()
            && store::products::slug_is_taken(tx.connection(), organisation, product.slug(), product.id()).await?
        {
            return Err(CatalogError::SlugTaken { slug: product.slug().clone() });
        }
        let added = &product.variants()[before.variants().len()..];
        let skus: Vec<&str> = added.iter().map(|variant| variant.sku.as_str()).collect();
        let owners = store::products::owners(tx.connection(), organisation, &skus).await?;
        if !owners.is_empty() {
            let taken = added.iter().map(|variant| &variant.sku);
            return Err(CatalogError::SkuTaken {
                skus: taken.filter(|sku| owners.contains_key(sku.as_str())).cloned().collect(),
            });
        }
        store::products::save(tx.connection(), organisation, &[&product]).await?;
        let openings: Vec<Opening<'_>> = added
            .iter()
            .map(|variant| Opening { variant: variant.id, sku: &variant.sku, on_hand: 0, low_threshold: 0 })
            .collect();
        let entry = Entry { actor: &actor, reason: "initial stock", now };
        store::stock::open(tx.connection(), organisation, &openings, entry).await?;
        tx.record(product.version(), published::product(&product));
        Ok(product)
    }
}
