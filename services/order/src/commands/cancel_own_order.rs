//! The holder of the order token calls the order off.

use access::Permission;
use kernel::OrderId;
use mediator::Command;
use persistence::Tx;

use super::{keep, lock_one};
use crate::{
    domain::{Actor, OrderToken},
    error::Error,
    store::orders,
};

/// Calls an order off for the shopper who placed it.
#[derive(Debug, Clone)]
pub struct CancelOwnOrder {
    /// Which order.
    pub order: OrderId,
    /// What proves that it is theirs.
    pub token: OrderToken,
}

impl Command for CancelOwnOrder {
    const NAME: &'static str = "order.cancel-own-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // The token first: who does not hold it must not make an order's holder wait for a lock.
        let kept = orders::token(tx, self.order).await?;
        if !kept.is_some_and(|kept| kept.matches(&self.token.digest())) {
            return Err(Error::NotFound { order: self.order });
        }
        let mut state = lock_one(tx, self.order).await?;
        let step = state.cancel(Actor::Shopper)?;
        let cause = tx.provenance().clone();
        keep(tx, &[state], step.map(|step| (step, cause)).into_iter().collect()).await
    }
}
