//! What can be changed: one file, one use case. The rule: a command locks its orders first, lets them decide, then
//! saves them and records what happened.

mod apply_products;
mod cancel_order;
mod cancel_overdue;
mod cancel_own_order;
mod claim_order;
mod drop_untouched_products;
mod place_order;
mod postpone_deadlines;
mod settle_orders;

use std::collections::HashSet;

use kernel::OrderId;
use mediator::Provenance;
use persistence::{Tenancy, Tx};

pub use apply_products::ApplyProducts;
pub use cancel_order::CancelOrder;
pub use cancel_overdue::CancelOverdue;
pub use cancel_own_order::CancelOwnOrder;
pub use claim_order::ClaimOrder;
pub use drop_untouched_products::DropUntouchedProducts;
pub use place_order::{PlaceOrder, Receipt};
pub use postpone_deadlines::PostponeDeadlines;
pub use settle_orders::{Answer, SettleOrders};

use crate::{
    domain::{Order, Requester, Step},
    error::Error,
    published,
    store::orders::{self, HistoryEntry},
};

/// Saves the orders that took steps and records each step as an event with its own provenance.
async fn save<T: Tenancy>(tx: &mut Tx<'_, T>, locked: &[Order], steps: Vec<(Step, Provenance)>) -> Result<(), Error> {
    if steps.is_empty() {
        return Ok(());
    }
    let moved: HashSet<_> = steps.iter().map(|(step, _)| (step.organisation, step.order)).collect();
    let changed: Vec<&Order> = locked.iter().filter(|order| moved.contains(&order.key())).collect();
    let history: Vec<HistoryEntry<'_>> =
        steps.iter().map(|(step, provenance)| HistoryEntry { step, actor: &provenance.actor }).collect();
    orders::save(tx, &changed, &history).await?;
    for (step, provenance) in steps {
        tx.record_within(step.organisation, &provenance, step.at, step.version, published::event(step.event));
    }
    Ok(())
}

/// Locks one order and cancels it; an order that is cancelled already stays as it is.
async fn cancel(tx: &mut Tx<'_>, order: OrderId, requester: Requester) -> Result<(), Error> {
    let mut locked =
        orders::lock(tx, &[(tx.organisation(), order)]).await?.into_iter().next().ok_or(Error::NotFound { order })?;
    let Some(step) = locked.cancel(requester)? else { return Ok(()) };
    let provenance = tx.provenance().clone();
    save(tx, &[locked], vec![(step, provenance)]).await
}
