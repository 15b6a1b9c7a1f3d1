//! Receiving or losing pieces of one SKU, and the terms that it is sold on.

use access::Permission;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::shelves::ChangedShelf;
use crate::domain::location::LevelChange;
use crate::domain::stock::{StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::store;

/// Adjusts the stock of a SKU.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// What changes of it, and where.
    pub change: LevelChange,
    /// Why, for the ledger.
    pub remark: Remark,
}

impl Command for AdjustStock {
    const NAME: &'static str = "catalog.adjust-stock";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let mut shelf = ChangedShelf::lock(tx, &self.key).await?;
        let mut placed = store::locations::placed(tx, shelf.sku(), &self.change.place).await?;
        let movement = self.change.apply(&mut placed, shelf.stock()).map_err(|fault| shelf.refused(fault))?;
        shelf.keep(placed, movement, self.remark.as_str());
        shelf.write(tx).await
    }
}
