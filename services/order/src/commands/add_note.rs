//! A member of the organisation writes something down about an order.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, change};
use crate::{
    domain::{Remark, Requester, Trigger},
    error::Error,
};

/// Adds a note to the timeline.
#[derive(Debug, Clone)]
pub struct AddNote {
    /// The order.
    pub order: OrderId,
    /// What is written down.
    pub text: Remark,
}

impl Command for AddNote {
    const NAME: &'static str = "order.add-note";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::AddNote(self.text.clone()), None).await
    }
}
