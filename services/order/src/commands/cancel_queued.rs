//! Whoever queued an order, or staff, cancels it before its turn. The rules: a turn and a cancellation lock the same row, so an order is
//! placed or cancelled and never both; who cancelled it is kept.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::{
    domain::{IntakeStatus, Ownership, Remark},
    error::Error,
    store::intake,
};

/// Cancels an order for the organisation that waits for its turn. Doing so again changes nothing.
#[derive(Debug, Clone)]
pub struct CancelQueuedOrder {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

/// Cancels an order for the shopper who queued it. Doing so again changes nothing.
#[derive(Debug, Clone)]
pub struct CancelOwnQueuedOrder {
    /// The order.
    pub order: OrderId,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
}

impl Command for CancelQueuedOrder {
    const NAME: &'static str = "order.cancel-queued-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        cancel(tx, self.order, self.reason.as_ref()).await
    }
}

impl Command for CancelOwnQueuedOrder {
    const NAME: &'static str = "order.cancel-own-queued-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // Before the lock: without a proof nobody may make the order's holder wait for one.
        let stored = intake::proofs(tx, self.order).await?;
        if !stored.is_some_and(|(token, customer)| self.proof.holds(&token, customer)) {
            return Err(Error::NotFound { order: self.order });
        }
        cancel(tx, self.order, None).await
    }
}

async fn cancel(tx: &mut Tx<'_>, order: OrderId, reason: Option<&Remark>) -> Result<(), Error> {
    match intake::cancel(tx, order, reason).await? {
        IntakeStatus::Queued | IntakeStatus::Cancelled => Ok(()),
        status @ (IntakeStatus::Placed | IntakeStatus::Refused) => Err(Error::HadItsTurn { order, status }),
    }
}
