//! Locked stock that somebody changes and that is written back: what adjusting, counting and transferring have in common, for one SKU
//! and for many. The rule: a fixed number of statements, however many SKUs there are.

use kernel::{Clock, Sku, Slug, Timestamp};
use persistence::Tx;

use crate::domain::availability::Stock;
use crate::domain::location::Placed;
use crate::domain::reservation::Shelf;
use crate::domain::stock::{Movement, StockFault, StockItem, StockKey};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// A locked shelf with what is changed of it.
pub(super) struct ChangedShelf<'r> {
    sku: Sku,
    shelf: Shelf,
    before: Stock,
    /// The places that pieces came to or went from, as they are now.
    places: Vec<Placed>,
    /// What came or went, where, and why.
    movements: Vec<(Option<Slug>, Movement, &'r str)>,
}

impl<'r> ChangedShelf<'r> {
    /// A shelf that was locked just now.
    pub(super) fn new(sku: Sku, shelf: Shelf) -> Self {
        Self { sku, before: shelf.stock, shelf, places: Vec::new(), movements: Vec::new() }
    }

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
        Ok(Self::new(sku, shelf))
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

    /// Keeps a place as it is after a change, and the movement there, if any. `reason` is for the ledger.
    pub(super) fn keep(&mut self, placed: Placed, movement: Option<Movement>, reason: &'r str) {
        self.movements.extend(movement.map(|movement| (placed.code().cloned(), movement, reason)));
        self.places.retain(|known| known.code() != placed.code());
        self.places.push(placed);
    }

    /// Whether the stock is another one than when it was locked, or pieces came and went in sum.
    pub(super) fn is_changed(&self) -> bool {
        self.shelf.stock != self.before || !self.movements.is_empty()
    }

    /// Counts the change as one of the stock.
    pub(super) fn raise_version(&mut self) {
        self.shelf.stock.version += 1;
    }

    /// The stock as it is now.
    pub(super) fn item(&self, now: Timestamp) -> StockItem {
        StockItem::new(self.sku.clone(), self.shelf.variant, self.shelf.product, self.shelf.stock, now)
    }

    /// Writes this shelf alone.
    pub(super) async fn write(mut self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let now = Clock::now();
        self.raise_version();
        write(tx, &[&self], now).await?;
        Ok(self.item(now))
    }
}

/// Writes shelves whose version was raised, with their movements, and tells what got low.
pub(super) async fn write(tx: &mut Tx<'_>, shelves: &[&ChangedShelf<'_>], now: Timestamp) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let mut rows = Vec::with_capacity(shelves.len());
    let mut entries = Vec::new();
    for ChangedShelf { sku, shelf: Shelf { product, variant, stock, .. }, before, movements, .. } in shelves {
        let (product, variant) = (*product, *variant);
        rows.push(StockUpdate { organisation, product, variant, sku, before: *before, stock: *stock, oversold: false });
        for (location, movement, reason) in movements {
            let (location, movement) = (location.as_ref(), *movement);
            let entry = LedgerEntry { organisation, variant, sku, order: None, location, movement, actor: &actor };
            entries.push((entry, *reason));
        }
    }
    let sold_on = |stock: &Stock| (stock.terms.safety_stock, stock.terms.backorder);
    let other_terms = |row: &&StockUpdate<'_>| {
        sold_on(&row.stock) != sold_on(&row.before) || (row.stock.may_be_short() && !row.before.may_be_short())
    };
    store::stock::write_terms(tx, &rows.iter().filter(other_terms).collect::<Vec<_>>()).await?;
    // The sum is never less than what is at locations, also between the two statements.
    let (less, more): (Vec<&ChangedShelf<'_>>, Vec<&ChangedShelf<'_>>) =
        shelves.iter().partition(|changed| changed.shelf.stock.located < changed.before.located);
    store::locations::write_levels(tx, &levels(&less)).await?;
    store::stock::write_each(tx, &rows, &entries, now).await?;
    store::locations::write_levels(tx, &levels(&more)).await?;
    for ChangedShelf { sku, shelf: Shelf { product, variant, stock, .. }, before, .. } in shelves {
        if stock.got_low(before) {
            tx.record(stock.version, published::low(sku.clone(), (*product, *variant), *stock));
        }
    }
    Ok(())
}

fn levels<'c>(shelves: &[&'c ChangedShelf<'_>]) -> Vec<(&'c Sku, &'c [Placed], i64)> {
    shelves.iter().map(|changed| (&changed.sku, &changed.places[..], changed.shelf.stock.located)).collect()
}
