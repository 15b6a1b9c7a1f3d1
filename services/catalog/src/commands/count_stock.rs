//! Counting the pieces of one SKU. The rule: the ledger gets the difference to what the books said at that moment, and an entry
//! also where there is none; what was counted is true, also where orders were promised more.

use access::Permission;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::shelves::ChangedShelf;
use crate::domain::location::Place;
use crate::domain::stock::{StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::store;

/// Says how many pieces of a SKU are in the house.
#[derive(Debug, Clone)]
pub struct CountStock {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// Where they were counted.
    pub place: Place,
    /// The pieces that are there, those of orders that have not left yet included; 0 to 1,000,000,000.
    pub counted: i64,
    /// What there is to say about it, for the ledger.
    pub remark: Remark,
}

impl Command for CountStock {
    const NAME: &'static str = "catalog.count-stock";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let mut shelf = ChangedShelf::lock(tx, &self.key).await?;
        let mut placed = store::locations::placed(tx, shelf.sku(), &self.place).await?;
        let movement = placed.count(shelf.stock(), self.counted).map_err(|fault| shelf.refused(fault))?;
        shelf.keep(placed, Some(movement), self.remark.as_str());
        shelf.write(tx).await
    }
}
