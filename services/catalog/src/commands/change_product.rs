//! Changing a product: its texts, its place, its status, its variants.

use access::Permission;
use kernel::{CategoryId, Clock, Expected, OrganisationId, ProductId, Sku};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::attribute_values;
use crate::domain::barcode::Barcode;
use crate::domain::product::{Product, ProductChange, TakenBarcode, handed_on};
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
        let organisation = tx.organisation();
        let path = self.check_categories(tx, &before, &product).await?;
        let values = (organisation, product.details().new_attributes(before.details()));
        for checked in attribute_values::check(tx, &[values]).await? {
            checked.map_err(Error::AttributesRefused)?;
        }
        if product.slug() != before.slug() && store::products::slug_is_taken(tx, product.slug(), product.id()).await? {
            return Err(Error::SlugTaken { slug: product.slug().clone() });
        }
        let added = &product.variants()[before.variants().len()..];
        let skus: Vec<Sku> = added.iter().map(|variant| variant.sku.clone()).collect();
        let taken = store::products::taken_skus_of(tx, organisation, &skus).await?;
        if !taken.is_empty() {
            return Err(Error::SkuTaken { taken });
        }
        check_barcodes(tx, &before, &product).await?;
        store::products::release_barcodes(tx, &handed_on(before.variants(), product.variants())).await?;
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
        tx.record(product.version(), published::product(&product, &path));
        Ok(product)
    }
}

impl ChangeProduct {
    /// Refuses a new category that the catalog does not know, and gives the path of the primary one.
    async fn check_categories(
        &self,
        tx: &mut Tx<'_>,
        before: &Product,
        product: &Product,
    ) -> Result<Vec<CategoryId>, Error> {
        let organisation = tx.organisation();
        let new: Vec<CategoryId> = product.details().new_categories(before.details()).collect();
        let asked = new.iter().copied().chain(product.category()).map(|category| (organisation, category));
        let mut known = store::categories::known(tx, &asked.collect::<Vec<_>>()).await?;
        if let Some(category) = new.into_iter().find(|category| !known.contains_key(&(organisation, *category))) {
            let is_primary = self.change.category.flatten() == Some(category);
            return Err(Error::CategoryUnknown { category, field: if is_primary { "category" } else { "categories" } });
        }
        Ok(product.category().and_then(|category| known.remove(&(organisation, category))).unwrap_or_default())
    }
}

/// Refuses new barcodes that variants of other products have.
async fn check_barcodes(tx: &mut Tx<'_>, before: &Product, product: &Product) -> Result<(), Error> {
    let had =
        |barcode: &&Barcode| before.variants().iter().all(|variant| variant.details.barcode.as_ref() != Some(*barcode));
    let organisation = tx.organisation();
    let new = product.variants().iter().filter_map(|variant| variant.details.barcode.as_ref()).filter(had);
    let wanted: Vec<(OrganisationId, &Barcode)> = new.map(|barcode| (organisation, barcode)).collect();
    let mut taken = store::products::taken_barcodes(tx, &wanted).await?;
    let taken: Vec<TakenBarcode> =
        wanted.iter().filter_map(|(_, barcode)| taken.remove(&(organisation, (*barcode).clone()))).collect();
    if taken.is_empty() { Ok(()) } else { Err(Error::BarcodeTaken { taken }) }
}
