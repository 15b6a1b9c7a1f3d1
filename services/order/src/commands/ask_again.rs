//! Asks once more for the turn of orders that were taken in. The rule: an order is asked for once per interval, whoever sweeps, and its
//! turn comes once however often it is asked for.

use std::time::Duration;

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::queue_order::QUEUED;
use crate::{error::Error, published, store::intake};

/// Tells again that these orders are queued, those that still wait and were not asked for since. The caller has seen that the event of
/// before is not in the outbox any more.
#[derive(Debug, Clone)]
pub struct AskAgain {
    /// What the sweep found; an order that was decided or asked for meanwhile is left out.
    pub orders: Vec<OrderId>,
    /// How long ago they were queued or last asked for.
    pub after: Duration,
}

impl Command for AskAgain {
    const NAME: &'static str = "order.ask-again";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<usize, Error> {
        let (organisation, provenance) = (tx.organisation(), tx.provenance().clone());
        let asked = intake::ask_again(tx, &self.orders, self.after.as_secs_f64()).await?;
        for (order, at) in &asked {
            tx.record_within(organisation, &provenance, *at, QUEUED, published::queued(*order));
        }
        Ok(asked.len())
    }
}
