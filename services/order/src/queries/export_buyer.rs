//! Everything that is held on somebody who ordered.

use access::Permission;
use kernel::BuyerId;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::{find_buyer, order_row, timeline_row};
use crate::{
    domain::{BuyerExport, OrderRecord},
    error::Error,
};

/// Asks for everything that is held on somebody.
#[derive(Debug, Clone, Copy)]
pub struct ExportBuyer {
    /// The person who is asked about.
    pub buyer: BuyerId,
}

impl Query for ExportBuyer {
    const NAME: &'static str = "order.export-customer";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = BuyerExport;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<BuyerExport, Error> {
        let customer = find_buyer::find(read, self.buyer).await?;
        let orders = order_row::of_buyer(read, self.buyer).await?;
        let mut timelines = timeline_row::of_buyer(read, self.buyer).await?;
        let record = |row: order_row::OrderRow| -> Result<OrderRecord, Error> {
            let order = row.detail()?;
            let timeline = timelines.remove(&order.order.id).unwrap_or_default();
            Ok(OrderRecord { order, timeline })
        };
        Ok(BuyerExport { customer, orders: orders.into_iter().map(record).collect::<Result<_, _>>()? })
    }
}
