//! Receiving or losing pieces of many SKUs in one call: one lock in the order of the SKUs, a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet};

use access::Permission;
use kernel::{Clock, Sku, Slug, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::shelves::{self, ChangedShelf};
use crate::domain::location::{LevelChange, Place, Placed};
use crate::domain::stock::{AdjustedLevels, LevelOutcome, LevelResult, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::store;

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
    /// What changes of it, and where.
    pub change: LevelChange,
    /// Why, for the ledger.
    pub remark: Remark,
}

/// What locations have of SKUs.
type AtLocations = BTreeMap<(Sku, Slug), Placed>;

impl Command for AdjustLevels {
    const NAME: &'static str = "catalog.adjust-levels";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = AdjustedLevels;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<AdjustedLevels, Error> {
        let now = Clock::now();
        let skus: BTreeSet<&Sku> = self.levels.iter().map(|level| &level.sku).collect();
        let locked = store::stock::lock_own(tx, &skus.into_iter().collect::<Vec<_>>()).await?;
        let wanted: Vec<(&Sku, &Slug)> = self.levels.iter().filter_map(LevelAdjustment::at).collect();
        let mut at = store::locations::all_placed(tx, &wanted).await?;
        let mut shelves: BTreeMap<Sku, ChangedShelf<'_>> =
            locked.into_iter().map(|(sku, shelf)| (sku.clone(), ChangedShelf::new(sku, shelf))).collect();
        let taken: Vec<Result<bool, String>> =
            self.levels.iter().map(|level| level.take(&mut shelves, &mut at).map_err(|e| e.to_string())).collect();
        shelves.values_mut().filter(|shelf| shelf.is_changed()).for_each(ChangedShelf::raise_version);
        let done = AdjustedLevels::of(self.outcomes(taken, &shelves, now));
        if self.all_or_nothing && done.failed > 0 {
            let refused = done.rows.into_iter().filter(|row| row.result == LevelResult::Failed).collect();
            return Err(Error::StockNotChanged { refused });
        }
        let changed: Vec<&ChangedShelf<'_>> = shelves.values().filter(|shelf| shelf.is_changed()).collect();
        shelves::write(tx, &changed, now).await?;
        Ok(done)
    }
}

impl AdjustLevels {
    fn outcomes(
        &self,
        taken: Vec<Result<bool, String>>,
        shelves: &BTreeMap<Sku, ChangedShelf<'_>>,
        now: Timestamp,
    ) -> Vec<LevelOutcome> {
        let outcome = |((line, level), taken): ((u64, &LevelAdjustment), Result<bool, String>)| {
            let result = match &taken {
                Ok(true) => LevelResult::Updated,
                Ok(false) => LevelResult::Unchanged,
                Err(_) => LevelResult::Failed,
            };
            let shelf = shelves.get(&level.sku).filter(|_| result == LevelResult::Updated);
            LevelOutcome {
                line,
                sku: level.sku.clone(),
                result,
                stock: shelf.map(|shelf| shelf.item(now)),
                error: taken.err(),
            }
        };
        (1..).zip(&self.levels).zip(taken).map(outcome).collect()
    }
}

impl LevelAdjustment {
    /// The location that it names, if it names one.
    fn at(&self) -> Option<(&Sku, &Slug)> {
        match &self.change.place {
            Place::Default => None,
            Place::At(code) => Some((&self.sku, code)),
        }
    }

    /// Makes the change; whether anything is different then. A level that refuses it stays as it is.
    fn take<'l>(&'l self, shelves: &mut BTreeMap<Sku, ChangedShelf<'l>>, at: &mut AtLocations) -> Result<bool, Error> {
        let unknown = || Error::StockNotFound { key: StockKey::Sku(self.sku.clone()) };
        let shelf = shelves.get_mut(&self.sku).ok_or_else(unknown)?;
        let mut placed = match self.at() {
            None => Placed::Default,
            Some((sku, code)) => {
                let placed = at.get(&(sku.clone(), code.clone()));
                placed.ok_or_else(|| Error::LocationUnknown { code: code.clone() })?.clone()
            }
        };
        let before = *shelf.stock();
        let movement = self.change.apply(&mut placed, shelf.stock()).map_err(|fault| shelf.refused(fault))?;
        if let Placed::At { code, .. } = &placed {
            at.insert((self.sku.clone(), code.clone()), placed.clone());
        }
        shelf.keep(placed, movement, self.remark.as_str());
        Ok(*shelf.stock() != before)
    }
}
