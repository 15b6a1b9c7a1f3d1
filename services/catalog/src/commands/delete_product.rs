//! Deleting a draft that was never sold. Whatever was for sale once is retired instead: orders and listings may name it.

use access::Permission;
use kernel::{Clock, OrganisationId, ProductId, Sku};
use mediator::{Command, Tenant};
use persistence::Tx;

use contracts::catalog::ProductStatus;

use crate::domain::location::{Placed, StockedPlace};
use crate::domain::product::Product;
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// What the ledger says about the stock of a deleted product.
const REASON: &str = "product deleted";

/// Deletes a product.
#[derive(Debug, Clone)]
pub struct DeleteProduct {
    /// The product.
    pub product: ProductId,
}

impl Command for DeleteProduct {
    const NAME: &'static str = "catalog.delete-product";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        let product = store::products::lock(tx, self.product).await?;
        if product.status() != ProductStatus::Draft {
            return Err(Error::ProductStays { product: self.product, reason: "is not a draft" });
        }
        refuse_if_sold(tx, self.product).await?;
        empty_shelves(tx, &product).await?;
        // An order that was sold elsewhere may have taken pieces of a draft until its stock was locked.
        refuse_if_sold(tx, self.product).await?;
        let prices = product.variants().iter().flat_map(|variant| &variant.windows).map(|window| window.id);
        store::prices::end(tx, &prices.collect::<Vec<_>>(), Clock::now().max(product.updated_at())).await?;
        store::products::delete(tx, &product).await?;
        let last = published::deleted(&product);
        tx.record(last.version, last);
        Ok(product)
    }
}

async fn refuse_if_sold(tx: &mut Tx<'_>, product: ProductId) -> Result<(), Error> {
    match store::products::was_sold(tx, product).await? {
        true => Err(Error::ProductStays { product, reason: "was for sale once" }),
        false => Ok(()),
    }
}

/// Takes everything out of stock, so that the ledger of each SKU ends at nothing, since another product may have it next, and
/// removes what was published of it.
async fn empty_shelves(tx: &mut Tx<'_>, product: &Product) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let skus: Vec<&Sku> = product.variants().iter().map(|variant| &variant.sku).collect();
    let shelves = store::stock::lock_own(tx, &skus).await?;
    let located: Vec<(OrganisationId, &Sku)> =
        shelves.iter().filter(|(_, shelf)| shelf.stock.located > 0).map(|(sku, _)| (organisation, sku)).collect();
    let places: Vec<StockedPlace> = store::locations::levels(tx, &located)
        .await?
        .into_iter()
        .flat_map(|((_, sku), levels)| levels.into_iter().map(move |one| (one.location, sku.clone(), one.on_hand)))
        .filter(|(.., pieces)| *pieces > 0)
        .map(|(location, sku, pieces)| StockedPlace { location, sku, pieces })
        .collect();
    if !places.is_empty() {
        return Err(Error::StockAtLocations { product: product.id(), places });
    }
    let (mut rows, mut entries, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (sku, shelf) in &shelves {
        let mut stock = shelf.stock;
        let refused = |fault| Error::StockRefused { sku: sku.clone(), fault };
        let movement = Placed::Default.adjust(&mut stock, -shelf.stock.level.on_hand()).map_err(refused)?;
        // The removal below has a version of its own.
        gone.push((stock.version + 2, published::availability(sku.clone(), shelf, &[])));
        if movement.on_hand != 0 {
            stock.version += 1;
            let (before, variant) = (shelf.stock, shelf.variant);
            rows.push(StockUpdate {
                organisation,
                product: shelf.product,
                variant,
                sku,
                before,
                stock,
                oversold: false,
            });
            entries.push(LedgerEntry {
                organisation,
                variant,
                sku,
                order: None,
                location: None,
                movement,
                actor: &actor,
            });
        }
    }
    store::stock::write(tx, &rows, &entries, REASON, Clock::now()).await?;
    for (version, last) in gone {
        tx.record_removal(version, &last);
    }
    Ok(())
}
