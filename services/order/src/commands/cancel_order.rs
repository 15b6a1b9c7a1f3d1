//! A member of the organisation cancels an order or pieces of it, or decides about somebody's wish to
//! cancel.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, change, finish, lock};
use crate::{
    domain::{Remark, Requester, Side, SkuPieces, Trigger},
    error::Error,
};

/// Cancels a whole order for the organisation, of which nothing was sent.
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
        change(tx, self.order, Requester::Staff, Trigger::StaffCancels, None).await.map(drop)
    }
}

/// Cancels pieces that were not sent.
#[derive(Debug, Clone)]
pub struct CancelLines {
    /// The order.
    pub order: OrderId,
    /// The pieces; `None` for all that were not sent.
    pub lines: Option<Vec<SkuPieces>>,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for CancelLines {
    const NAME: &'static str = "order.cancel-lines";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let selection = self.lines.as_deref().map(|lines| order.selection(lines)).transpose()?;
        let step = order.take(Trigger::StaffCancelsLines(selection), self.reason.clone())?;
        finish(tx, order, step).await
    }
}

/// Notes that somebody wants an order cancelled, which the seller decides about.
#[derive(Debug, Clone)]
pub struct RequestCancellation {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for RequestCancellation {
    const NAME: &'static str = "order.request-cancellation";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::RequestCancellation(Side::Here), self.reason.clone()).await
    }
}

/// Decides not to cancel an order, although somebody asked.
#[derive(Debug, Clone)]
pub struct DeclineCancellation {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for DeclineCancellation {
    const NAME: &'static str = "order.decline-cancellation";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::DeclineCancellation(Side::Here), self.reason.clone()).await
    }
}
