//! Places orders whose turn has come, of however many organisations: one lock, the orders as they are always placed, one write. The
//! rules: an order is decided once however often its turn comes, one that is refused holds up no other, and none is placed for an
//! organisation that is suspended.

use std::collections::BTreeMap;

use access::{Organisations, Permission};
use kernel::{OrderId, OrganisationId};
use mediator::{Command, Provenance, Tenants};
use persistence::Tx;

use super::place_order::{Placing, place};
use crate::{
    domain::{PlacementRefusal, Queued},
    error::Error,
    store::intake::{self, Decided, Waiting},
};

/// The turn of one order.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Whose shop it was taken in for.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// Where the event comes from that says so.
    pub provenance: Provenance,
}

/// Places the orders whose turn has come, or refuses them.
#[derive(Debug, Clone)]
pub struct PlaceQueued {
    /// The orders.
    pub turns: Vec<Turn>,
    /// Which organisations are suspended: requests are refused by the same table.
    pub organisations: Organisations,
}

impl Command for PlaceQueued {
    const NAME: &'static str = "order.place-queued";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let causes: BTreeMap<(OrganisationId, OrderId), &Provenance> =
            self.turns.iter().map(|turn| ((turn.organisation, turn.order), &turn.provenance)).collect();
        let asked: Vec<_> = causes.keys().copied().collect();
        // Before the people and the numbers: whoever forgets somebody takes these locks in the same order.
        let (closed, waiting): (Vec<Waiting>, Vec<Waiting>) = intake::lock(tx, &asked)
            .await?
            .into_iter()
            .partition(|one| self.organisations.is_suspended(one.organisation));
        let mut decided = Vec::with_capacity(closed.len() + waiting.len());
        for one in closed {
            let refusal = Some(PlacementRefusal::Suspended);
            decided.push(Decided { organisation: one.organisation, order: one.order.order, refusal });
        }
        if decided.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        let mut askers = Vec::with_capacity(waiting.len());
        for one in &waiting {
            let cause = causes.get(&(one.organisation, one.order.order)).copied();
            // Whoever asked placed it; that its turn came is only the cause.
            let cause = cause.unwrap_or_else(|| tx.provenance()).clone();
            askers.push(Provenance { actor: one.actor.clone(), ..cause });
        }
        let placing: Vec<Placing<'_>> = waiting
            .iter()
            .zip(&askers)
            .map(|(one, provenance)| Placing {
                organisation: one.organisation,
                provenance,
                order: &one.order,
                sold: None,
            })
            .collect();
        // They waited themselves, and those behind them take nothing from them.
        let placed = place(tx, &placing, Queued::LeftOut).await?;
        for (one, placed) in waiting.iter().zip(placed) {
            let refusal = placed.err().map(TryInto::try_into).transpose()?;
            decided.push(Decided { organisation: one.organisation, order: one.order.order, refusal });
        }
        intake::decide(tx, &decided).await
    }
}
