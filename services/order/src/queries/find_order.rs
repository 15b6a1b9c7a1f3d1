//! One order of the organisation.

use access::Permission;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use kernel::OrderId;
use mediator::Query;
use persistence::{ReadConn, statement};

use super::row::{Row, SELECT};
use crate::{domain::Order, error::Error};

/// Asks for one order as staff.
#[derive(Debug, Clone, Copy)]
pub struct FindOrder {
    /// Which order.
    pub order: OrderId,
}

impl Query for FindOrder {
    const NAME: &'static str = "order.find-order";
    const REQUIRES: Permission = Permission::OrdersRead;
    type Reply = Order;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Order, Error> {
        let organisation = read.organisation().uuid();
        let rows: Vec<Row> = statement(SELECT)
            .bind::<SqlUuid, _>(organisation)
            .bind::<SqlUuid, _>(self.order.uuid())
            .load(read.connection())
            .await
            .map_err(persistence::Error::from)?;
        rows.into_iter().next().ok_or(Error::NotFound { order: self.order })?.order()
    }
}
