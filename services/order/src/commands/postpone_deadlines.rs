//! Moves the deadlines of the orders of one organisation of which catalog cannot have heard yet.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::{domain::Deadline, error::Error, store::orders};

/// Moves the deadlines of those of the given orders that are still open. It is no transition: the version stays, and nobody
/// hears of it.
#[derive(Debug, Clone)]
pub struct PostponeDeadlines {
    /// Orders whose placed event waits in the outbox.
    pub orders: Vec<OrderId>,
    /// The deadline of every order.
    pub deadline: Deadline,
}

impl Command for PostponeDeadlines {
    const NAME: &'static str = "order.postpone-deadlines";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        orders::postpone(tx, &self.orders, self.deadline).await
    }
}
