//! Moving pieces of one SKU from one place to another. The rule: the ledger gets an entry on both sides, and the sum stays.

use access::Permission;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::shelves::ChangedShelf;
use crate::domain::location::Place;
use crate::domain::stock::{StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::error::Error;
use crate::store;

/// Moves pieces of a SKU.
#[derive(Debug, Clone)]
pub struct TransferStock {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// Where they are.
    pub from: Place,
    /// Where they go; another place.
    pub to: Place,
    /// How many; 1 to 1,000,000,000.
    pub pieces: i64,
    /// What there is to say about it, for the ledger.
    pub remark: Remark,
}

impl Command for TransferStock {
    const NAME: &'static str = "catalog.transfer-stock";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockItem, Error> {
        let mut shelf = ChangedShelf::lock(tx, &self.key).await?;
        let mut from = store::locations::placed(tx, shelf.sku(), &self.from).await?;
        let mut to = store::locations::placed(tx, shelf.sku(), &self.to).await?;
        let moved = from.transfer(&mut to, shelf.stock(), self.pieces);
        let [gone, come] = moved.map_err(|fault| shelf.refused(fault))?;
        shelf.keep(from, Some(gone), self.remark.as_str());
        shelf.keep(to, Some(come), self.remark.as_str());
        shelf.write(tx).await
    }
}
