//! Takes a batch of catalog's answers of one organisation: one lock, decisions in the order of the answers, one write.
//!
//! An answer that comes late changes nothing and publishes nothing. In particular, "reserved" for an order that is
//! cancelled already needs no reply: this service's "cancelled" follows "placed" under the same key, so catalog reads
//! it after it reserved and releases then.

use std::collections::HashMap;

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Provenance, Tenant};
use persistence::Tx;

use super::save;
use crate::{
    domain::{Order, ReservationOutcome},
    error::Error,
    store::orders,
};

/// One answer of catalog.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The order that it is about.
    pub order: OrderId,
    /// What became of the order's reservation.
    pub outcome: ReservationOutcome,
    /// Where the answer comes from.
    pub provenance: Provenance,
}

/// Takes answers in the order in which catalog gave them.
#[derive(Debug, Clone)]
pub struct SettleOrders {
    /// The answers, all of one organisation.
    pub answers: Vec<Answer>,
}

impl Command for SettleOrders {
    const NAME: &'static str = "order.settle-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut wanted: Vec<OrderId> = self.answers.iter().map(|answer| answer.order).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut locked = orders::lock(tx, &wanted).await?;
        let mut by_id: HashMap<OrderId, &mut Order> = locked.iter_mut().map(|order| (order.id(), order)).collect();
        wanted.retain(|order| !by_id.contains_key(order));
        if !wanted.is_empty() {
            return Err(Error::Unplaced { orders: wanted });
        }
        let mut steps = Vec::with_capacity(self.answers.len());
        for answer in &self.answers {
            match by_id.get_mut(&answer.order).and_then(|order| order.settle(&answer.outcome)) {
                Some(step) => steps.push((step, answer.provenance.clone())),
                None => tracing::debug!(order = %answer.order, "a late or repeated answer changes nothing"),
            }
        }
        save(tx, &locked, steps).await
    }
}
