//! Ending a price before its time, or before it has begun.

use access::Permission;
use kernel::{Clock, PriceId, VariantId};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::price::{EntryKind, PriceEntry};
use crate::error::Error;
use crate::published;
use crate::store;

/// Ends a price; one that is over stays as it is.
#[derive(Debug, Clone)]
pub struct EndPrice {
    /// The variant.
    pub variant: VariantId,
    /// The price.
    pub price: PriceId,
}

impl Command for EndPrice {
    const NAME: &'static str = "catalog.end-price";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = PriceEntry;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<PriceEntry, Error> {
        let (variant, price) = (self.variant, self.price);
        let mut product = store::prices::lock_product(tx, variant).await?;
        let (version, now) = (product.version(), Clock::now().max(product.updated_at()));
        let entry = store::prices::entry(tx, variant, price, now).await?;
        let is_window = |entry: &PriceEntry| entry.kind == EntryKind::Window;
        let mut entry = entry.filter(is_window).ok_or(Error::PriceNotFound { price })?;
        if !product.end_price(price, now) {
            return Ok(entry);
        }
        store::prices::end(tx, &[price], now).await?;
        if product.version() != version {
            store::products::save(tx, &[&product]).await?;
            let path = store::categories::path(tx, product.category()).await?;
            tx.record(product.version(), published::product(&product, &path));
        }
        entry.end(now, tx.provenance().actor.clone());
        Ok(entry)
    }
}
