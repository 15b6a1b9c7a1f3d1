//! One order of the organisation: as staff works with it, and with all that is held on whoever placed it.

use access::Permission;
use kernel::OrderId;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::{order_row, timeline_row};
use crate::{
    domain::{OrderDetail, OrderRecord},
    error::Error,
};

/// Asks for one order as staff.
#[derive(Debug, Clone, Copy)]
pub struct FindOrder {
    /// The order to find.
    pub order: OrderId,
}

impl Query for FindOrder {
    const NAME: &'static str = "order.find-order";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = OrderDetail;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<OrderDetail, Error> {
        order_row::find(read, self.order).await?.detail()
    }
}

/// Asks for everything that is held with one order, as whoever looks after privacy may.
#[derive(Debug, Clone, Copy)]
pub struct ExportOrder {
    /// The order that is asked about.
    pub order: OrderId,
}

impl Query for ExportOrder {
    const NAME: &'static str = "order.export-order";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = OrderRecord;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<OrderRecord, Error> {
        let order = order_row::find(read, self.order).await?.detail()?;
        let timeline = timeline_row::of_orders(read, &[self.order]).await?.remove(&self.order).unwrap_or_default();
        Ok(OrderRecord { order, timeline })
    }
}
