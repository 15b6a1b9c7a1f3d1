//! How an organisation sells from its stock.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use crate::domain::serving::StockSettings;
use crate::error::Error;
use crate::projections;

/// Asks for the settings of the organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindStockSettings;

impl Query for FindStockSettings {
    const NAME: &'static str = "catalog.find-stock-settings";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = StockSettings;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<StockSettings, Error> {
        let organisation = read.organisation();
        projections::serving::settings(read.connection(), organisation).await
    }
}
