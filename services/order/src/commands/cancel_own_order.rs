//! The holder of the order token, or the customer whose order it is, cancels the order.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::cancel;
use crate::{
    domain::{Ownership, Requester},
    error::Error,
    store::orders,
};

/// Cancels an order for the shopper who placed it.
#[derive(Debug, Clone)]
pub struct CancelOwnOrder {
    /// The order to cancel.
    pub order: OrderId,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
}

impl Command for CancelOwnOrder {
    const NAME: &'static str = "order.cancel-own-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // Before the lock: without a proof nobody may make the order's holder wait for one.
        let stored = orders::proofs(tx, self.order).await?;
        if !stored.is_some_and(|(token, customer)| self.proof.holds(&token, customer)) {
            return Err(Error::NotFound { order: self.order });
        }
        cancel(tx, self.order, Requester::Shopper).await
    }
}
