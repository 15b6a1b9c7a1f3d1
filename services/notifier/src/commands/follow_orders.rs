//! Takes what is said of orders: keeps the notifier's own copy up to date, and tells the destinations, in one transaction.

use access::Permission;
use mediator::{Command, Tenants, Tx};

use super::RecordDeliveries;
use crate::domain::OrderCopy;
use crate::error::Error;
use crate::store::orders;

/// What a batch of events says of orders, and the facts in it that are to be told.
#[derive(Debug, Clone)]
pub struct FollowOrders {
    /// The orders, each once and in the order of organisations and ids.
    pub orders: Vec<OrderCopy>,
    /// What is told of them.
    pub told: RecordDeliveries,
}

impl Command for FollowOrders {
    const NAME: &'static str = "notifier.follow-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        orders::upsert(tx, &self.orders).await?;
        self.told.execute(tx).await
    }
}
