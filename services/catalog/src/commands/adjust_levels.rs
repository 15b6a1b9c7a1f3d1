//! Counting, receiving or losing pieces of many SKUs in one call: one lock in the order of the SKUs, a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet};

use access::Permission;
use kernel::{Clock, Sku, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::reservation::Shelf;
use crate::domain::stock::{
    AdjustedLevels, Adjustment, LevelOutcome, LevelResult, Movement, Stock, StockItem, StockKey,
};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// Adjusts stock levels in one transaction.
#[derive(Debug, Clone)]
pub struct AdjustLevels {
    /// The levels, in the order of the call.
    pub levels: Vec<LevelAdjustment>,
    /// Whether nothing is changed when one level is refused.
    pub all_or_nothing: bool,
}

/// How one level changes.
#[derive(Debug, Clone)]
pub struct LevelAdjustment {
    /// The SKU.
    pub sku: Sku,
    /// How its pieces on hand change.
    pub adjustment: Adjustment,
    /// Why, for the ledger.
    pub remark: Remark,
    /// The new threshold, 0 to 1,000,000,000; `None` leaves it unchanged.
    pub low_threshold: Option<i64>,
}

/// What a row does to its level.
struct Step<'c> {
    asked: &'c LevelAdjustment,
    /// The movement, and whether anything of the level changes; or why not.
    taken: Result<(Movement, bool), String>,
}

impl Command for AdjustLevels {
    const NAME: &'static str = "catalog.adjust-levels";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = AdjustedLevels;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<AdjustedLevels, Error> {
        let now = Clock::now();
        let skus: BTreeSet<&Sku> = self.levels.iter().map(|level| &level.sku).collect();
        let mut shelves = store::stock::lock_own(tx, &skus.into_iter().collect::<Vec<_>>()).await?;
        let before: BTreeMap<Sku, Stock> = shelves.iter().map(|(sku, shelf)| (sku.clone(), shelf.stock)).collect();
        let steps: Vec<Step<'_>> = self.levels.iter().map(|asked| step(asked, &mut shelves)).collect();
        for (sku, shelf) in &mut shelves {
            shelf.stock.version += i64::from(before.get(sku) != Some(&shelf.stock));
        }
        let done = AdjustedLevels::of(outcomes(&steps, &shelves, now));
        if self.all_or_nothing && done.failed > 0 {
            let refused = done.rows.into_iter().filter(|row| row.result == LevelResult::Failed).collect();
            return Err(Error::StockNotChanged { refused });
        }
        write(tx, &steps, &shelves, &before, now).await?;
        Ok(done)
    }
}

/// Takes one row; a level that refuses it stays as it is.
fn step<'c>(asked: &'c LevelAdjustment, shelves: &mut BTreeMap<Sku, Shelf>) -> Step<'c> {
    let Some(shelf) = shelves.get_mut(&asked.sku) else {
        let unknown = Error::StockNotFound { key: StockKey::Sku(asked.sku.clone()) };
        return Step { asked, taken: Err(unknown.to_string()) };
    };
    let before = shelf.stock;
    let movement = shelf.stock.adjust(asked.adjustment, asked.low_threshold);
    Step { asked, taken: movement.map(|movement| (movement, shelf.stock != before)).map_err(|fault| fault.to_string()) }
}

fn outcomes(steps: &[Step<'_>], shelves: &BTreeMap<Sku, Shelf>, now: Timestamp) -> Vec<LevelOutcome> {
    let outcome = |(line, step): (u64, &Step<'_>)| {
        let sku = step.asked.sku.clone();
        let result = match &step.taken {
            Ok((_, true)) => LevelResult::Updated,
            Ok((_, false)) => LevelResult::Unchanged,
            Err(_) => LevelResult::Failed,
        };
        let item = |shelf: &Shelf| StockItem::new(sku.clone(), shelf.variant, shelf.product, shelf.stock, now);
        let stock = shelves.get(&sku).filter(|_| result == LevelResult::Updated).map(item);
        LevelOutcome { line, result, stock, error: step.taken.as_ref().err().cloned(), sku }
    };
    (1..).zip(steps).map(outcome).collect()
}

/// Writes the levels that differ and the ledger of every row, and tells what got low by all of it.
async fn write(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
    shelves: &BTreeMap<Sku, Shelf>,
    before: &BTreeMap<Sku, Stock>,
    now: Timestamp,
) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let changed = || shelves.iter().filter(|(sku, shelf)| before.get(*sku) != Some(&shelf.stock));
    let rows: Vec<StockUpdate> =
        changed().map(|(_, shelf)| StockUpdate { organisation, variant: shelf.variant, stock: shelf.stock }).collect();
    let mut entries = Vec::new();
    for step in steps {
        let (Ok((movement, _)), Some(shelf)) = (&step.taken, shelves.get(&step.asked.sku)) else { continue };
        if movement.on_hand != 0 {
            let (variant, sku, movement) = (shelf.variant, &step.asked.sku, *movement);
            let entry = LedgerEntry { organisation, variant, sku, order: None, movement, actor: &actor };
            entries.push((entry, step.asked.remark.as_str()));
        }
    }
    store::stock::write_each(tx, &rows, &entries, now).await?;
    for (sku, shelf) in changed() {
        if before.get(sku).is_some_and(|before| shelf.stock.got_low(before)) {
            let low = published::low(sku.clone(), (shelf.product, shelf.variant), shelf.stock);
            tx.record(shelf.stock.version, low);
        }
    }
    Ok(())
}
