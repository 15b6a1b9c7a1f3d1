//! The stock of one SKU, locked, changed by somebody and written back: what adjusting, counting and transferring have in common.

use kernel::{Clock, Sku};
use persistence::Tx;

use crate::domain::availability::Stock;
use crate::domain::location::Placed;
use crate::domain::reservation::Shelf;
use crate::domain::stock::{Movement, StockFault, StockItem, StockKey};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// A locked shelf.
pub(super) struct OneShelf {
    sku: Sku,
    shelf: Shelf,
    before: Stock,
}

impl OneShelf {
    /// Locks the stock of a SKU.
    pub(super) async fn lock(tx: &mut Tx<'_>, key: &StockKey) -> Result<Self, Error> {
        let sku = store::stock::sku_of(tx, key).await?;
        let shelf = store::stock::lock_own(tx, &[&sku]).await?.remove(&sku);
        // The SKU of a draft that was deleted meanwhile may be another variant's by now.
        let is_meant = |shelf: &Shelf| match key {
            StockKey::Variant(variant) => shelf.variant == *variant,
            StockKey::Sku(_) => true,
        };
        let shelf = shelf.filter(is_meant).ok_or_else(|| Error::StockNotFound { key: key.clone() })?;
        let before = shelf.stock;
        Ok(Self { sku, shelf, before })
    }

    /// The SKU.
    pub(super) fn sku(&self) -> &Sku {
        &self.sku
    }

    /// The stock, to be changed.
    pub(super) fn stock(&mut self) -> &mut Stock {
        &mut self.shelf.stock
    }

    /// A refusal of a change of this stock.
    pub(super) fn refused(&self, fault: StockFault) -> Error {
        Error::StockRefused { sku: self.sku.clone(), fault }
    }

    /// Writes what was changed, with the places as they are now and the movement at each, if any. `reason` is for the ledger.
    pub(super) async fn write(
        self,
        tx: &mut Tx<'_>,
        places: &[(Placed, Option<Movement>)],
        reason: &str,
    ) -> Result<StockItem, Error> {
        let Self { sku, shelf: Shelf { product, variant, mut stock, .. }, before } = self;
        let (organisation, actor, now) = (tx.organisation(), tx.provenance().actor.clone(), Clock::now());
        stock.version += 1;
        let row = StockUpdate { organisation, product, variant, sku: &sku, before, stock };
        let sold_on = |stock: &Stock| (stock.terms.safety_stock, stock.terms.backorder);
        if sold_on(&stock) != sold_on(&before) || (stock.may_be_short() && !before.may_be_short()) {
            store::stock::write_terms(tx, &row).await?;
        }
        let entries: Vec<LedgerEntry<'_>> = places
            .iter()
            .filter_map(|(placed, movement)| {
                let location = match placed {
                    Placed::At { code, .. } => Some(code),
                    Placed::Default => None,
                };
                let movement = (*movement)?;
                Some(LedgerEntry { organisation, variant, sku: &sku, order: None, location, movement, actor: &actor })
            })
            .collect();
        let levels: Vec<Placed> = places.iter().map(|(placed, _)| placed.clone()).collect();
        // The sum is never less than what is at locations, also between the two statements.
        let is_less = stock.located < before.located;
        if is_less {
            store::locations::write_levels(tx, &sku, &levels, stock.located).await?;
        }
        store::stock::write(tx, &[row], &entries, reason, now).await?;
        if !is_less {
            store::locations::write_levels(tx, &sku, &levels, stock.located).await?;
        }
        if stock.got_low(&before) {
            tx.record(stock.version, published::low(sku.clone(), (product, variant), stock));
        }
        Ok(StockItem::new(sku, variant, product, stock, now))
    }
}
