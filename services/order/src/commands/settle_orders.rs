//! Takes a batch of catalog's answers, of however many organisations: one lock, decisions in the order of the answers,
//! one write.
//!
//! An answer that comes late changes nothing and publishes nothing. In particular, "reserved" for an order that is
//! cancelled already needs no reply: this service's "cancelled" follows "placed" under the same key, so catalog reads
//! it after it reserved and releases then.

use std::collections::HashMap;

use access::Permission;
use kernel::{OrderId, OrganisationId};
use mediator::{Command, Provenance, Tenants};
use persistence::Tx;

use super::save;
use crate::{
    domain::{Order, Trigger},
    error::Error,
    store::orders,
};

/// One answer of catalog.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order that it is about.
    pub order: OrderId,
    /// What became of the order's reservation.
    pub trigger: Trigger,
    /// Where the answer comes from.
    pub provenance: Provenance,
}

/// Takes answers in the order in which catalog gave them.
#[derive(Debug, Clone)]
pub struct SettleOrders {
    /// The answers.
    pub answers: Vec<Answer>,
}

impl Command for SettleOrders {
    const NAME: &'static str = "order.settle-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let key = |answer: &Answer| (answer.organisation, answer.order);
        let mut wanted: Vec<(OrganisationId, OrderId)> = self.answers.iter().map(key).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut locked = orders::lock(tx, &wanted).await?;
        let mut by_key: HashMap<_, &mut Order> = locked.iter_mut().map(|order| (order.key(), order)).collect();
        wanted.retain(|key| !by_key.contains_key(key));
        if !wanted.is_empty() {
            return Err(Error::Unplaced { orders: wanted.into_iter().map(|(_, order)| order).collect() });
        }
        let mut steps = Vec::with_capacity(self.answers.len());
        for answer in &self.answers {
            let Some(order) = by_key.get_mut(&key(answer)) else { continue };
            match order.take(answer.trigger.clone(), None)? {
                Some(step) => steps.push((step, answer.provenance.clone())),
                None => tracing::debug!(order = %answer.order, "a late or repeated answer changes nothing"),
            }
        }
        save(tx, &locked, steps).await
    }
}
