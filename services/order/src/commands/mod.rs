//! What can be changed: one file, one use case. Each locks its orders first, lets them decide, saves and records what
//! happened.

mod apply_products;
mod cancel_order;
mod cancel_overdue;
mod cancel_own_order;
mod drop_untouched_products;
mod place_order;
mod settle_orders;

use std::collections::HashSet;

use kernel::OrderId;
use mediator::Provenance;
use persistence::Tx;

pub use apply_products::ApplyProducts;
pub use cancel_order::CancelOrder;
pub use cancel_overdue::CancelOverdue;
pub use cancel_own_order::CancelOwnOrder;
pub use drop_untouched_products::DropUntouchedProducts;
pub use place_order::{PlaceOrder, Receipt};
pub use settle_orders::{Answer, SettleOrders};

use crate::{
    domain::{OrderState, Step},
    error::Error,
    events::published,
    store::orders::{self, Taken},
};

/// Saves the steps that orders took and records each as an event with its own cause.
async fn keep(tx: &mut Tx<'_>, states: &[OrderState], taken: Vec<(Step, Provenance)>) -> Result<(), Error> {
    if taken.is_empty() {
        return Ok(());
    }
    let moved: HashSet<OrderId> = taken.iter().map(|(step, _)| step.order).collect();
    let changed: Vec<&OrderState> = states.iter().filter(|state| moved.contains(&state.id())).collect();
    let mut notes = Vec::with_capacity(taken.len());
    for (step, cause) in taken {
        tx.record_caused_by(&cause, step.version, published::event(&step.event));
        notes.push(Taken { actor: cause.actor, step });
    }
    orders::save(tx, &changed, &notes).await
}

/// Locks one order.
async fn lock_one(tx: &mut Tx<'_>, order: OrderId) -> Result<OrderState, Error> {
    orders::lock(tx, &[order]).await?.into_iter().next().ok_or(Error::NotFound { order })
}
