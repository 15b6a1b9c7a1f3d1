//! Writing many products in one call, by the rules of an import: found by slug and SKU, created or updated, each with its result.

use access::Permission;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::import_products::upsert;
use crate::domain::import::{ImportedProduct, RowOutcome, UpsertedProducts};
use crate::error::Error;

/// What the ledger says about stock that a call set.
const REASON: &str = "bulk";

/// Creates or updates products in one transaction.
#[derive(Debug, Clone)]
pub struct UpsertProducts {
    /// The products of the call that are to be written; no slug, no SKU and no barcode stands twice.
    pub products: Vec<ImportedProduct>,
    /// The others, each with its reason.
    pub refused: Vec<RowOutcome>,
    /// Whether nothing is written when one product is refused.
    pub all_or_nothing: bool,
}

impl Command for UpsertProducts {
    const NAME: &'static str = "catalog.upsert-products";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = UpsertedProducts;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<UpsertedProducts, Error> {
        let mut rows = upsert(tx, &self.products, REASON).await?;
        rows.extend(self.refused.iter().cloned());
        let done = UpsertedProducts::of(rows);
        let refused: Vec<RowOutcome> = done.refused().cloned().collect();
        if self.all_or_nothing && !refused.is_empty() {
            return Err(Error::ProductsNotWritten { refused });
        }
        Ok(done)
    }
}
