//! Receiving or losing pieces of one SKU, and the terms that it is sold on.

use access::Permission;
use contracts::catalog::Backorder;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::one_shelf::OneShelf;
use crate::domain::location::Place;
use crate::domain::stock::{Level, StockFault, StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::store;

/// How the pieces on hand change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// This many more, or fewer when it is negative.
    Delta(i64),
    /// This many, however many there were.
    Set(i64),
    /// As many as there are; only the terms change.
    Unchanged,
}

/// Adjusts the stock of a SKU.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// Where its pieces on hand change.
    pub place: Place,
    /// How they change there.
    pub adjustment: Adjustment,
    /// Why, for the ledger.
    pub remark: Remark,
    /// The new threshold, 0 to 1,000,000,000; `None` leaves it unchanged.
    pub low_threshold: Option<i64>,
    /// The new safety stock, 0 to 1,000,000,000; `None` leaves it unchanged.
    pub safety_stock: Option<i64>,
    /// What may be sold beyond what is there; `None` leaves it unchanged.
    pub backorder: Option<Backorder>,
}

impl Command for AdjustStock {
    const NAME: &'static str = "catalog.adjust-stock";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let mut shelf = OneShelf::lock(tx, &self.key).await?;
        let mut placed = store::locations::placed(tx, shelf.sku(), &self.place).await?;
        let there = placed.on_hand(shelf.stock());
        let delta = match self.adjustment {
            Adjustment::Delta(delta) => delta,
            Adjustment::Set(pieces) if pieces > Level::MOST => return Err(shelf.refused(StockFault::TooMany)),
            Adjustment::Set(pieces) => pieces.max(-1) - there,
            Adjustment::Unchanged => 0,
        };
        let movement = placed.adjust(shelf.stock(), delta).map_err(|fault| shelf.refused(fault))?;
        let terms = &mut shelf.stock().terms;
        terms.low_threshold = self.low_threshold.unwrap_or(terms.low_threshold);
        terms.safety_stock = self.safety_stock.unwrap_or(terms.safety_stock);
        terms.backorder = self.backorder.unwrap_or(terms.backorder);
        let movement = (delta != 0).then_some(movement);
        shelf.write(tx, &[(placed, movement)], self.remark.as_str()).await
    }
}
