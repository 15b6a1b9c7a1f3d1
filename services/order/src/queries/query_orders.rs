//! The organisation's orders as a query finds them, and what can be asked of them.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity as _, FieldList, Request};

use super::order_fields::Orders;
use crate::error::Error;

/// Asks for orders.
#[derive(Debug, Clone)]
pub struct QueryOrders(pub Request<Orders>);

/// Asks for the fields of orders.
#[derive(Debug, Clone)]
pub struct DescribeOrders;

impl Query for QueryOrders {
    const NAME: &'static str = "order.query-orders";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Answer<Orders>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Orders>, Error> {
        Ok(self.0.answer(read, Orders::registry()).await?)
    }
}

impl Query for DescribeOrders {
    const NAME: &'static str = "order.describe-orders";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(Orders::registry().describe())
    }
}
