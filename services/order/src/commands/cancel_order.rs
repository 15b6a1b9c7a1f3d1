//! A member of the organisation calls an order off.

use access::Permission;
use kernel::OrderId;
use mediator::Command;
use persistence::Tx;

use super::{keep, lock_one};
use crate::{domain::Actor, error::Error};

/// Calls an order off for the organisation.
#[derive(Debug, Clone, Copy)]
pub struct CancelOrder {
    /// Which order.
    pub order: OrderId,
}

impl Command for CancelOrder {
    const NAME: &'static str = "order.cancel-order";
    const REQUIRES: Permission = Permission::OrdersWrite;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut state = lock_one(tx, self.order).await?;
        let step = state.cancel(Actor::Staff)?;
        let cause = tx.provenance().clone();
        keep(tx, &[state], step.map(|step| (step, cause)).into_iter().collect()).await
    }
}
