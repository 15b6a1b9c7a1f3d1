//! The subscription table: which topics this service listens to, and which command each record becomes.

pub mod consumed;

use contracts::catalog::{ProductState, ReservationEvent};
use messaging::Subscriptions;

/// What this service listens to.
#[must_use]
pub fn subscriptions() -> Subscriptions {
    Subscriptions::new(crate::NAME)
        .on_batch::<ReservationEvent, _, _>(consumed::settle_orders)
        .on_state::<ProductState, _, _>(|snapshots| consumed::apply_products(snapshots, false))
}
