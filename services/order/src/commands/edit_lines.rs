//! A member of the organisation changes the lines of an order before anything is packed. The rule: what is taken off is off at once; what
//! is added waits for catalog, which is asked by the event of this change, and can be withdrawn until its answer is there.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, change, finish, lock};
use crate::{
    domain::{AddedLine, Addition, Draft, Edit, EditedLine, Order, Remark, Requester, Trigger},
    error::Error,
    store::{additions, sellable},
};

/// Changes how many pieces an order has of which SKUs.
#[derive(Debug, Clone)]
pub struct EditLines {
    /// The order.
    pub order: OrderId,
    /// What the lines of these SKUs are to have; the others stay as they are.
    pub lines: Vec<EditedLine>,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for EditLines {
    const NAME: &'static str = "order.edit-lines";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let edit = order.edit(&self.lines)?;
        let mut steps = Vec::new();
        if edit.takes_off() {
            steps.extend(order.take(Trigger::Edit(edit.less.clone()), self.reason.clone())?);
        }
        if edit.adds() {
            let addition = self.addition(tx, &order, edit).await?;
            steps.extend(order.add(addition, self.reason.clone())?);
        }
        finish(tx, order, steps).await
    }
}

impl EditLines {
    /// What is added: more of the order's lines at their prices, and new lines at those of this service's copy of the catalog, unless staff
    /// stated them.
    async fn addition(&self, tx: &mut Tx<'_>, order: &Order, edit: Edit) -> Result<Addition, Error> {
        let organisation = tx.organisation();
        let new = Draft::of_addition(edit.new);
        let wanted: Vec<_> = new.skus().map(|sku| (organisation, sku)).collect();
        let offers = sellable::offers(tx, &wanted).await?.remove(&organisation).unwrap_or_default();
        let new = new.price_in(&order.channel, order.total.currency(), &offers)?;
        let mut lines = order.more(&edit.more).map_err(|malformed| Error::corrupt(order.id, malformed))?;
        lines.extend(new.into_iter().map(AddedLine::from));
        let number = additions::next_number(tx, order.id).await?;
        Ok(Addition { number, lines, reason: self.reason.clone(), requested_at: order.now })
    }
}

/// Withdraws what catalog was asked to add to an order. Catalog reads this after the question, under the same key, so it frees what it
/// may have given, also where its answer was lost.
#[derive(Debug, Clone)]
pub struct WithdrawAddition {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for WithdrawAddition {
    const NAME: &'static str = "order.withdraw-addition";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::WithdrawAddition, self.reason.clone()).await
    }
}
