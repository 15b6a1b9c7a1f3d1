//! Keeps the notifier's own copy of what can be sold up to date. The newest version wins in whatever order they arrive.

use access::Permission;
use mediator::{Command, Tenants, Tx};

use crate::domain::StockCopy;
use crate::error::Error;
use crate::store::stocks;

/// The newest state of each of several variants.
#[derive(Debug, Clone)]
pub struct ApplyStocks {
    /// The states.
    pub stocks: Vec<StockCopy>,
}

impl Command for ApplyStocks {
    const NAME: &'static str = "notifier.apply-stocks";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        stocks::upsert(tx, &self.stocks).await
    }
}
