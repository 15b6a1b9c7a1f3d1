//! Counting, receiving or losing pieces of one SKU.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::stock::{Adjustment, StockFault, StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// Adjusts the stock of a SKU.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// How its pieces on hand change.
    pub adjustment: Adjustment,
    /// Why, for the ledger.
    pub remark: Remark,
    /// The new threshold, 0 to 1,000,000,000; `None` leaves it unchanged.
    pub low_threshold: Option<i64>,
}

impl Command for AdjustStock {
    const NAME: &'static str = "catalog.adjust-stock";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let actor = tx.provenance().actor.clone();
        let now = Clock::now();
        let sku = store::stock::sku_of(tx, &self.key).await?;
        let refused = |fault: StockFault| Error::StockRefused { sku: sku.clone(), fault };
        let mut shelves = store::stock::lock_own(tx, &[&sku]).await?;
        let mut shelf = shelves.remove(&sku).ok_or_else(|| Error::StockNotFound { key: self.key.clone() })?;
        let before = shelf.stock;
        let movement = shelf.stock.adjust(self.adjustment, self.low_threshold).map_err(refused)?;
        shelf.stock.version += 1;
        let organisation = tx.organisation();
        let entry =
            LedgerEntry { organisation, variant: shelf.variant, sku: &sku, order: None, movement, actor: &actor };
        let entries = if movement.on_hand == 0 { &[][..] } else { &[entry][..] };
        let row = StockUpdate { organisation, variant: shelf.variant, stock: shelf.stock };
        store::stock::write(tx, &[row], entries, self.remark.as_str(), now).await?;
        if shelf.stock.got_low(&before) {
            tx.record(shelf.stock.version, published::low(sku.clone(), (shelf.product, shelf.variant), shelf.stock));
        }
        Ok(StockItem::new(sku, shelf.variant, shelf.product, shelf.stock, now))
    }
}
