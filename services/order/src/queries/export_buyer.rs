//! Everything that is held on somebody who ordered. The rule: what the database is asked for at once is bounded, however much they ordered.

use access::Permission;
use kernel::{BuyerId, OrderId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use uuid::Uuid;

use super::{find_buyer, order_row, timeline_row};
use crate::{
    domain::{BuyerExport, OrderRecord},
    error::Error,
};

/// The most orders of one statement.
const AT_ONCE: usize = 500;

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
        let mut orders = Vec::new();
        // No order comes before the smallest id.
        let mut last = OrderId::from_uuid(Uuid::nil());
        loop {
            let rows = order_row::of_buyer(read, self.buyer, last, AT_ONCE as i64).await?;
            let ids: Vec<OrderId> = rows.iter().map(order_row::OrderRow::id).collect();
            let mut timelines = timeline_row::of_orders(read, &ids).await?;
            for row in rows {
                let order = row.detail()?;
                let timeline = timelines.remove(&order.order.id).unwrap_or_default();
                orders.push(OrderRecord { order, timeline });
            }
            match ids.last() {
                Some(id) if ids.len() == AT_ONCE => last = *id,
                _ => return Ok(BuyerExport { customer, orders }),
            }
        }
    }
}
