//! Takes a batch of catalog's answers of one organisation: one lock, decisions in the order of the answers, one write.
//!
//! An answer that comes late changes nothing and publishes nothing. In particular, "reserved" for an order that is
//! cancelled already needs no reply: this service's "cancelled" stands behind "placed" under the same key, so catalog
//! reads it after it reserved and releases then.

use std::collections::HashMap;

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Provenance};
use persistence::Tx;

use super::keep;
use crate::{
    domain::{OrderState, Verdict},
    error::Error,
    settled::Settled,
    store::orders,
};

/// One answer of catalog.
#[derive(Debug, Clone)]
pub struct Answer {
    /// About which order.
    pub order: OrderId,
    /// What catalog says.
    pub verdict: Verdict,
    /// The event that said it.
    pub cause: Provenance,
}

/// Takes answers in the order in which catalog gave them.
#[derive(Debug, Clone)]
pub struct SettleOrders {
    /// The answers, all of one organisation.
    pub answers: Vec<Answer>,
    /// Who waits for the outcome in this process.
    pub settled: Settled,
}

impl Command for SettleOrders {
    const NAME: &'static str = "order.settle-orders";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut wanted: Vec<OrderId> = self.answers.iter().map(|answer| answer.order).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut states = orders::lock(tx, &wanted).await?;
        let places: HashMap<OrderId, usize> =
            states.iter().enumerate().map(|(place, state)| (state.id(), place)).collect();
        let unplaced: Vec<OrderId> = wanted.into_iter().filter(|order| !places.contains_key(order)).collect();
        if !unplaced.is_empty() {
            return Err(Error::Unplaced { orders: unplaced });
        }
        let mut taken = Vec::with_capacity(self.answers.len());
        for answer in &self.answers {
            let state: Option<&mut OrderState> = places.get(&answer.order).and_then(|place| states.get_mut(*place));
            match state.and_then(|state| state.settle(&answer.verdict)) {
                Some(step) => taken.push((step, answer.cause.clone())),
                None => tracing::debug!(order = %answer.order, "a late or repeated answer changes nothing"),
            }
        }
        self.settled.expect(taken.iter().map(|(step, _)| step.order));
        keep(tx, &states, taken).await
    }
}
