//! The holder of the order token, or the customer whose order it is, cancels the order, or asks the seller to.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{change, prove};
use crate::{
    domain::{Ownership, Remark, Requester, Side, Trigger},
    error::Error,
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
        prove(tx, self.order, &self.proof).await?;
        change(tx, self.order, Requester::Shopper, Trigger::ShopperCancels, None).await.map(drop)
    }
}

/// Asks the seller to cancel an order that its shopper cannot cancel alone, since it is paid for or packed.
#[derive(Debug, Clone)]
pub struct RequestOwnCancellation {
    /// The order.
    pub order: OrderId,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for RequestOwnCancellation {
    const NAME: &'static str = "order.request-own-cancellation";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        prove(tx, self.order, &self.proof).await?;
        let reason = self.reason.clone();
        change(tx, self.order, Requester::Shopper, Trigger::RequestCancellation(Side::Here), reason).await.map(drop)
    }
}
