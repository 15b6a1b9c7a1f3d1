//! A member of the organisation cancels an order.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::cancel;
use crate::{domain::Requester, error::Error};

/// Cancels an order for the organisation.
#[derive(Debug, Clone, Copy)]
pub struct CancelOrder {
    /// The order to cancel.
    pub order: OrderId,
}

impl Command for CancelOrder {
    const NAME: &'static str = "order.cancel-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        cancel(tx, self.order, Requester::Staff).await
    }
}
