//! One order, for whoever holds its token and for the customer whose it is. To everybody else it does not exist.

use access::Permission;
use kernel::OrderId;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::order_row;
use crate::{
    domain::{OrderView, Ownership},
    error::Error,
};

/// Asks for one order as the shopper who placed it.
#[derive(Debug, Clone)]
pub struct FindOwnOrder {
    /// The order to find.
    pub order: OrderId,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
}

impl Query for FindOwnOrder {
    const NAME: &'static str = "order.find-own-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = OrderView;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<OrderView, Error> {
        let row = order_row::find(read, self.order).await?;
        if !self.proof.holds(&row.token(), row.customer()) {
            return Err(Error::NotFound { order: self.order });
        }
        let mut order: OrderView = row.try_into()?;
        // Why something comes back is said by staff, to staff.
        order.returns.iter_mut().for_each(|one| one.reason = None);
        Ok(order)
    }
}
