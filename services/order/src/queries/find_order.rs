//! One order of the organisation.

use access::Permission;
use kernel::OrderId;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::order_row;
use crate::{domain::OrderDetail, error::Error};

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
