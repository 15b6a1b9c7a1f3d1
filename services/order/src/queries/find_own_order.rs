//! One order, for whoever holds its token. Without the token it does not exist.

use access::Permission;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use kernel::OrderId;
use mediator::Query;
use persistence::{ReadConn, statement};

use super::row::{Row, SELECT};
use crate::{
    domain::{Order, OrderToken},
    error::Error,
};

/// Asks for one order as the shopper who placed it.
#[derive(Debug, Clone)]
pub struct FindOwnOrder {
    /// Which order.
    pub order: OrderId,
    /// What proves that it is theirs.
    pub token: OrderToken,
}

impl Query for FindOwnOrder {
    const NAME: &'static str = "order.find-own-order";
    const REQUIRES: Permission = Permission::StoreOrder;
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
        let own = rows.into_iter().next().filter(|row| row.token().matches(&self.token.digest()));
        own.ok_or(Error::NotFound { order: self.order })?.order()
    }
}
