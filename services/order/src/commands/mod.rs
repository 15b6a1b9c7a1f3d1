//! What can be changed: one file, one use case, or one noun's where they are short. The rule: a command locks its orders first, lets
//! them decide, then saves them and records what happened.

mod add_note;
mod apply_members;
mod apply_products;
mod ask_again;
mod cancel_order;
mod cancel_overdue;
mod cancel_own_order;
mod cancel_queued;
mod claim_order;
mod clear_intake;
mod drop_untouched_members;
mod drop_untouched_products;
mod edit_lines;
mod erase_buyer;
mod fulfil_order;
mod import_orders;
mod on_version;
mod place_order;
mod place_queued;
mod postpone_deadlines;
mod queue_order;
mod record_payment;
mod return_goods;
mod settle_orders;
mod take_asked_steps;

use std::collections::HashSet;

use kernel::{OrderId, ParcelId, PaymentId, RefundId, ReturnId};
use mediator::Provenance;
use persistence::{Tenancy, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use add_note::AddNote;
pub use apply_members::ApplyMembers;
pub use apply_products::ApplyProducts;
pub use ask_again::AskAgain;
pub use cancel_order::{CancelLines, CancelOrder, DeclineCancellation, RequestCancellation};
pub use cancel_overdue::{CancelOverdue, CancelUnpaid};
pub use cancel_own_order::{CancelOwnOrder, RequestOwnCancellation};
pub use cancel_queued::{CancelOwnQueuedOrder, CancelQueuedOrder};
pub use claim_order::ClaimOrder;
pub use clear_intake::ClearIntake;
pub use drop_untouched_members::DropUntouchedMembers;
pub use drop_untouched_products::DropUntouchedProducts;
pub use edit_lines::{EditLines, WithdrawAddition};
pub use erase_buyer::{EraseBuyer, EraseOrder, EraseOrders};
pub use fulfil_order::{CompleteOrder, DeliverParcel, HoldOrder, PackOrder, ReleaseOrder, ShipOrder};
pub use import_orders::{Import, ImportOrder, ImportOrders, ImportedOrder, ImportedOrders, ImportedRow};
pub use on_version::OnVersion;
pub use place_order::{EnterOrder, PlaceOrder, Receipt};
pub use place_queued::{PlaceQueued, Turn};
pub use postpone_deadlines::PostponeDeadlines;
pub use queue_order::{QueueEnteredOrder, QueueOrder, QueueReceipt};
pub use record_payment::{RecordPayment, RecordRefund};
pub use return_goods::{ApproveReturn, DeclineReturn, ReceiveReturn, RequestReturn};
pub use settle_orders::{Answer, SettleOrders};
pub use take_asked_steps::{AskedStep, TakeAskedSteps};

use crate::{
    domain::{FulfilmentStatus, Order, Ownership, PaymentStatus, Remark, Requester, Status, Step, Trigger},
    error::Error,
    published,
    store::{
        additions,
        orders::{self, HistoryEntry},
    },
};

/// Where an order stands after it was changed, and what the change created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderChange {
    /// The order.
    pub order: OrderId,
    /// Its version now.
    pub version: i64,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// The addition that waits for catalog's answer, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<i64>,
    /// The parcel that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelId>,
    /// The return that was asked for or settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_id: Option<ReturnId>,
    /// The payment that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The refund that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundId>,
}

/// Saves the orders that took steps and records each step as an event with its own provenance.
async fn save<T: Tenancy>(tx: &mut Tx<'_, T>, locked: &[Order], steps: Vec<(Step, Provenance)>) -> Result<(), Error> {
    if steps.is_empty() {
        return Ok(());
    }
    let moved: HashSet<_> = steps.iter().map(|(step, _)| (step.organisation, step.order)).collect();
    let changed: Vec<&Order> = locked.iter().filter(|order| moved.contains(&order.key())).collect();
    let history: Vec<HistoryEntry<'_>> =
        steps.iter().map(|(step, provenance)| HistoryEntry { step, provenance }).collect();
    additions::save(tx, &changed, &history).await?;
    orders::save(tx, &changed, &history).await?;
    for (step, provenance) in steps {
        let (organisation, at, version) = (step.organisation, step.at, step.version);
        tx.record_within(organisation, &provenance, at, version, published::event(step));
    }
    Ok(())
}

/// Locks one order of the organisation.
async fn lock(tx: &mut Tx<'_>, order: OrderId) -> Result<Order, Error> {
    let found = orders::lock(tx, &[(tx.organisation(), order)]).await?;
    found.into_iter().next().ok_or(Error::NotFound { order })
}

/// Saves the steps that a locked order took, if it took any, and says where the order stands.
async fn finish(tx: &mut Tx<'_>, order: Order, steps: impl IntoIterator<Item = Step>) -> Result<OrderChange, Error> {
    let change = OrderChange {
        order: order.id,
        version: order.version,
        status: order.status(),
        payment_status: order.payment(),
        fulfilment_status: order.fulfilment(),
        addition: order.addition.as_ref().map(|addition| addition.number),
        parcel: None,
        return_id: None,
        payment: None,
        refund: None,
    };
    let provenance = tx.provenance().clone();
    save(tx, &[order], steps.into_iter().map(|step| (step, provenance.clone())).collect()).await?;
    Ok(change)
}

/// Locks one order and lets something happen to it; what happened before stays as it is.
async fn change(
    tx: &mut Tx<'_>,
    order: OrderId,
    requester: Requester,
    trigger: Trigger,
    reason: Option<Remark>,
) -> Result<OrderChange, Error> {
    let mut order = lock(tx, order).await?;
    let step = order.take_from(requester, trigger, reason)?;
    finish(tx, order, step).await
}

/// Whether the order is the shopper's own; otherwise it does not exist. It comes before the lock: without a proof nobody may make the
/// order's holder wait for one.
async fn prove(tx: &mut Tx<'_>, order: OrderId, proof: &Ownership) -> Result<(), Error> {
    let stored = orders::proofs(tx, order).await?;
    let holds = stored.is_some_and(|(token, customer)| proof.holds(&token, customer));
    if holds { Ok(()) } else { Err(Error::NotFound { order }) }
}
