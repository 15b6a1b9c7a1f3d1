//! Cancels the orders of one organisation for which catalog's answer, or a payment, did not come in time. The rule: what came meanwhile
//! counts, since an order decides under its lock.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::save;
use crate::{
    domain::{Order, Step},
    error::Error,
    store::orders,
};

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
        cancel(tx, &self.orders, Order::expire).await
    }
}

/// Cancels those of the given orders that nobody has paid for and nothing is packed of.
#[derive(Debug, Clone)]
pub struct CancelUnpaid {
    /// What the sweep found; an order that was paid for or worked on meanwhile stays as it is.
    pub orders: Vec<OrderId>,
}

impl Command for CancelUnpaid {
    const NAME: &'static str = "order.cancel-unpaid";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        cancel(tx, &self.orders, Order::expire_unpaid).await
    }
}

async fn cancel(
    tx: &mut Tx<'_>,
    orders: &[OrderId],
    expire: fn(&mut Order) -> Result<Option<Step>, Error>,
) -> Result<(), Error> {
    let organisation = tx.organisation();
    let wanted: Vec<_> = orders.iter().map(|order| (organisation, *order)).collect();
    let mut locked = orders::lock(tx, &wanted).await?;
    let provenance = tx.provenance().clone();
    let mut steps = Vec::with_capacity(locked.len());
    for order in &mut locked {
        steps.extend(expire(order)?.map(|step| (step, provenance.clone())));
    }
    save(tx, &locked, steps).await
}
