//! Takes orders in, to be placed in their turn. The rules: what was taken in is kept and told in one commit, and a key that placed an
//! order, or took one in, does neither again.

use access::Permission;
use kernel::{OrderId, OrganisationId};
use mediator::{Command, Grouped, Member, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place_order::{EnterOrder, PlaceOrder, count_holds};
use crate::{
    domain::{IntakeStatus, Queued, WantedOrder},
    error::Error,
    published,
    store::intake::{self, NewIntake},
};

/// The version of the one event of an intake.
pub(super) const QUEUED: i64 = 1;

/// Takes in an order that a shopper wants.
#[derive(Debug, Clone)]
pub struct QueueOrder(pub PlaceOrder);

/// Takes in an order that staff writes down for somebody.
#[derive(Debug, Clone)]
pub struct QueueEnteredOrder(pub EnterOrder);

/// An order that was taken in, and the token that lets its holder follow it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct QueueReceipt {
    /// The identity that the order has once it is placed.
    pub id: OrderId,
    /// Where it stands: `queued`.
    pub status: IntakeStatus,
    /// Send it as `Order-Token` to see what became of it, and to read or cancel the order. It is shown here and nowhere else.
    pub order_token: String,
}

impl Command for QueueOrder {
    const NAME: &'static str = "order.queue-order";
    const RECORDED_AS: &'static str = PlaceOrder::NAME;
    const REQUIRES: Permission = PlaceOrder::REQUIRES;
    type Tenancy = Tenant;
    type Reply = QueueReceipt;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<QueueReceipt, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for QueueOrder {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        take_in(tx, members, |command| &command.0).await
    }
}

impl Command for QueueEnteredOrder {
    const NAME: &'static str = "order.queue-entered-order";
    const RECORDED_AS: &'static str = EnterOrder::NAME;
    const REQUIRES: Permission = EnterOrder::REQUIRES;
    type Tenancy = Tenant;
    type Reply = QueueReceipt;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<QueueReceipt, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for QueueEnteredOrder {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        take_in(tx, members, |command| &command.0.0).await
    }
}

/// Takes in the orders of a group and answers each with its receipt, or refuses one that is too many.
async fn take_in<T: Tenancy, C: Command<Reply = QueueReceipt, Error = Error>>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, C>],
    asked: impl Fn(&C) -> &PlaceOrder,
) -> Results<C> {
    let wanted: Vec<_> = members.iter().map(|member| (member.organisation, &asked(member.command).order)).collect();
    let mut holds = count_holds(tx, &wanted, Queued::Counted).await?;
    let admit = |(organisation, order): &(OrganisationId, &WantedOrder)| {
        order.refuse_too_many(*organisation, &holds)?;
        order.count_hold(*organisation, &mut holds);
        Ok(())
    };
    let admitted: Vec<Result<(), Error>> = wanted.iter().map(admit).collect();
    let new: Vec<NewIntake<'_>> = members
        .iter()
        .zip(&admitted)
        .filter(|(_, admitted)| admitted.is_ok())
        .map(|(Member { organisation, provenance, command }, _)| NewIntake {
            organisation: *organisation,
            actor: &provenance.actor,
            order: &asked(command).order,
        })
        .collect();
    let at = intake::insert(tx, &new).await?;
    let mut receipts = Vec::with_capacity(members.len());
    for (Member { organisation, provenance, command }, admitted) in members.iter().zip(admitted) {
        receipts.push(admitted.map(|()| {
            let PlaceOrder { order, token } = asked(command);
            tx.record_within(*organisation, provenance, at, QUEUED, published::queued(order.order));
            let order_token = token.reveal().to_owned();
            QueueReceipt { id: order.order, status: IntakeStatus::Queued, order_token }
        }));
    }
    Ok(receipts)
}
