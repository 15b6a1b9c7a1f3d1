//! Goods that come back. The rule: whoever takes them in decides line by line what can be sold again.

use access::Permission;
use kernel::{OrderId, ReturnId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, finish, lock};
use crate::{
    domain::{
        Action, Order, Receipt, Remark, Requester, ReturnStatus, ReturnStep, Selection, SkuPieces, Trigger, advance,
    },
    error::Error,
    store::returns::{self, Settlement},
};

/// Notes that somebody wants to give pieces back.
#[derive(Debug, Clone)]
pub struct RequestReturn {
    /// The order.
    pub order: OrderId,
    /// The identity that the return will have.
    pub id: ReturnId,
    /// The pieces.
    pub lines: Vec<SkuPieces>,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for RequestReturn {
    const NAME: &'static str = "order.request-return";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let selection = order.selection(&self.lines)?;
        let step = order.take(Trigger::RequestReturn(selection, self.id), self.reason.clone())?;
        if let Some(step) = &step {
            let lines = step.details().lines;
            returns::insert(tx, self.order, self.id, self.reason.as_ref(), &lines, step.at).await?;
        }
        Ok(OrderChange { return_id: Some(self.id), ..finish(tx, order, step).await? })
    }
}

/// Approves a return: the goods are taken once they are there.
#[derive(Debug, Clone, Copy)]
pub struct ApproveReturn {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub id: ReturnId,
}

impl Command for ApproveReturn {
    const NAME: &'static str = "order.approve-return";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let settling = Settling { order: self.order, id: self.id, step: ReturnStep::Approve };
        settling.execute(tx, None, |_, _| Ok((Trigger::ApproveReturn(self.id), Vec::new(), Vec::new()))).await
    }
}

/// Declines a return: the goods are not taken.
#[derive(Debug, Clone)]
pub struct DeclineReturn {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub id: ReturnId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for DeclineReturn {
    const NAME: &'static str = "order.decline-return";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let settling = Settling { order: self.order, id: self.id, step: ReturnStep::Decline };
        let decline = |_: &Order, requested| (Trigger::DeclineReturn(requested, self.id), Vec::new(), Vec::new());
        settling.execute(tx, self.reason.clone(), |order, requested| Ok(decline(order, requested))).await
    }
}

/// Takes goods in.
#[derive(Debug, Clone)]
pub struct ReceiveReturn {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub id: ReturnId,
    /// What came back and can be sold again.
    pub restocked: Vec<SkuPieces>,
    /// What came back and cannot.
    pub written_off: Vec<SkuPieces>,
}

impl Command for ReceiveReturn {
    const NAME: &'static str = "order.receive-return";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let settling = Settling { order: self.order, id: self.id, step: ReturnStep::Receive };
        settling.execute(tx, None, |order, requested| self.receipt(order, requested)).await
    }
}

impl ReceiveReturn {
    fn receipt(&self, order: &Order, requested: Selection) -> Result<(Trigger, Vec<SkuPieces>, Vec<SkuPieces>), Error> {
        let (restocked, written_off) = (order.selection(&self.restocked)?, order.selection(&self.written_off)?);
        let returned = restocked.iter().zip(&written_off).map(|(again, lost)| again.saturating_add(*lost)).collect();
        let pieces = |selection| order.pieces(selection).map_err(|malformed| Error::corrupt(self.id, malformed));
        let (again, lost) = (pieces(&restocked)?, pieces(&written_off)?);
        Ok((Trigger::ReceiveReturn(Receipt { id: self.id, requested, returned, written_off }), again, lost))
    }
}

/// A step of a return.
struct Settling {
    order: OrderId,
    id: ReturnId,
    step: ReturnStep,
}

impl Settling {
    /// Locks the order, lets the return go on, and with it the order. `trigger` is told what the return is about, and says what came
    /// back to be sold again, and what did not.
    async fn execute(
        self,
        tx: &mut Tx<'_>,
        reason: Option<Remark>,
        trigger: impl FnOnce(&Order, Selection) -> Result<(Trigger, Vec<SkuPieces>, Vec<SkuPieces>), Error>,
    ) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let (status, lines) = returns::find(tx, self.order, self.id).await?;
        let refused = |status: ReturnStatus| {
            order.refused(Requester::Staff, Action::SettleReturn, format!("the return {} is {status}", self.id))
        };
        let step = match advance(status, self.step).map_err(refused)? {
            None => None,
            Some(status) => {
                let (trigger, restocked, written_off) = trigger(&order, order.selection(&lines)?)?;
                let step = order.take(trigger, reason)?;
                let settlement = Settlement { status, restocked: &restocked, written_off: &written_off };
                returns::settle(tx, self.order, self.id, settlement, order.now).await?;
                step
            }
        };
        Ok(OrderChange { return_id: Some(self.id), ..finish(tx, order, step).await? })
    }
}
