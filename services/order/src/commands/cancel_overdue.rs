//! Calls off the orders of one organisation for which catalog's answer did not come in time.

use access::Permission;
use kernel::OrderId;
use mediator::Command;
use persistence::Tx;

use super::keep;
use crate::{error::Error, settled::Settled, store::orders};

/// Calls off those of the given orders that are still open and past their deadline by the database's clock.
#[derive(Debug, Clone)]
pub struct CancelOverdue {
    /// What the sweep found; an order that was settled meanwhile stays as it is.
    pub orders: Vec<OrderId>,
    /// Who waits for the outcome in this process.
    pub settled: Settled,
}

impl Command for CancelOverdue {
    const NAME: &'static str = "order.cancel-overdue";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut states = orders::lock(tx, &self.orders).await?;
        let cause = tx.provenance().clone();
        let taken: Vec<_> =
            states.iter_mut().filter_map(|state| state.expire()).map(|step| (step, cause.clone())).collect();
        self.settled.expect(taken.iter().map(|(step, _)| step.order));
        keep(tx, &states, taken).await
    }
}
