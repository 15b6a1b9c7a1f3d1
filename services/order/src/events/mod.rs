//! What this service listens to and what it says: the subscription table.

pub mod consumed;
pub mod published;

use contracts::catalog::{ProductState, ReservationEvent};
use messaging::Subscriptions;

use crate::settled::Settled;

/// Which record becomes which command.
#[must_use]
pub fn subscriptions(settled: &Settled) -> Subscriptions {
    let (noted, woken) = (settled.clone(), settled.clone());
    Subscriptions::new(crate::NAME)
        .on_batch::<ReservationEvent, _, _>(move |events| consumed::settle_orders(events, &noted))
        .on_state::<ProductState, _, _>(|snapshots| consumed::apply_products(snapshots, false))
        .after_commit(move || woken.committed())
}
