//! Giving a variant a price for a while.

use access::Permission;
use kernel::{Clock, VariantId};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::price::{EntryKind, NewPrice, PriceEntry, PriceState};
use crate::error::Error;
use crate::published;
use crate::store;

/// Adds a price.
#[derive(Debug, Clone)]
pub struct AddPrice {
    /// The variant.
    pub variant: VariantId,
    /// The price, and when and where it counts.
    pub price: NewPrice,
}

impl Command for AddPrice {
    const NAME: &'static str = "catalog.add-price";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = PriceEntry;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<PriceEntry, Error> {
        let variant = self.variant;
        let mut product = store::prices::lock_product(tx, variant).await?;
        let (id, version) = (product.id(), product.version());
        let now = Clock::now().max(product.updated_at());
        let added = product.add_price(variant, self.price.clone(), now);
        let window = added.map_err(|refusal| Error::price_refused(id, variant, refusal))?;
        store::prices::insert(tx, &[(id, variant, &window)], now).await?;
        if product.version() != version {
            store::products::save(tx, &[&product]).await?;
            let path = store::categories::path(tx, product.category()).await?;
            tx.record(product.version(), published::product(&product, &path));
        }
        Ok(PriceEntry {
            id: window.id,
            product: id,
            variant,
            kind: EntryKind::Window,
            state: Some(PriceState::of(&window, now)),
            channel: window.channel,
            price: window.amount,
            former: None,
            valid_from: window.from,
            valid_until: window.until,
            created_at: now,
            created_by: tx.provenance().actor.clone(),
            ended_at: None,
            ended_by: None,
        })
    }
}
