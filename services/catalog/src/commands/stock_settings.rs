//! How an organisation sells from its stock: settings of its own in place of the program's.

use access::Permission;
use kernel::{Clock, Expected};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::serving::{ServingRule, StockSettings};
use crate::error::Error;
use crate::store;

/// Changes the settings, which the caller has read in one of the versions `expected`.
#[derive(Debug, Clone)]
pub struct ChangeStockSettings {
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// How the places are chosen that serve an order from now on; orders that have theirs keep them.
    pub serving_rule: ServingRule,
}

impl Command for ChangeStockSettings {
    const NAME: &'static str = "catalog.change-stock-settings";
    const REQUIRES: Permission = Permission::StockAdjust;
    type Tenancy = Tenant;
    type Reply = StockSettings;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<StockSettings, Error> {
        let mut settings = store::serving::lock_settings(tx).await?;
        if !self.expected.includes(settings.version) {
            return Err(Error::StaleStockSettings { current: settings.version });
        }
        if settings.change(self.serving_rule, Clock::now()) {
            store::serving::save_settings(tx, &settings).await?;
        }
        Ok(settings)
    }
}
