//! Cancels the orders of one organisation for which catalog's answer did not come in time.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::save;
use crate::{error::Error, store::orders};

/// Cancels those of the given orders that are still open and past their deadline by the database's clock.
#[derive(Debug, Clone)]
pub struct CancelOverdue {
    /// What the sweep found; an order that was settled meanwhile stays as it is.
    pub orders: Vec<OrderId>,
}

impl Command for CancelOverdue {
    const NAME: &'static str = "order.cancel-overdue";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let organisation = tx.organisation();
        let wanted: Vec<_> = self.orders.iter().map(|order| (organisation, *order)).collect();
        let mut locked = orders::lock(tx, &wanted).await?;
        let provenance = tx.provenance().clone();
        let mut steps = Vec::with_capacity(locked.len());
        for order in &mut locked {
            steps.extend(order.expire()?.map(|step| (step, provenance.clone())));
        }
        save(tx, &locked, steps).await
    }
}
