//! Following order's events: reserve, hold or release the stock, for a whole batch of one organisation.
//! The rule: a fixed number of statements, however many events there are; the decision itself is `domain::reservation`'s.

use std::collections::BTreeSet;

use access::Permission;
use chrono::Duration;
use kernel::{Clock, OrderId, Sku};
use mediator::{Command, Tenant};
use persistence::{Provenance, Tx};

use crate::domain::reservation::{Book, OrderFact, Outcome};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// A fact about an order, with the event that reported it.
#[derive(Debug, Clone)]
pub struct ReportedFact {
    /// The order.
    pub order: OrderId,
    /// What happened to it.
    pub fact: OrderFact,
    /// The event's place in the chain of causes.
    pub provenance: Provenance,
}

/// Follows events of orders in the order of their offsets. Following one twice has no second effect.
#[derive(Debug, Clone)]
pub struct FollowOrders {
    /// The facts, in the order of their offsets.
    pub facts: Vec<ReportedFact>,
    /// How long a reservation outlives its order's deadline.
    pub margin: Duration,
}

impl Command for FollowOrders {
    const NAME: &'static str = "catalog.follow-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let orders: BTreeSet<OrderId> = self.facts.iter().map(|reported| reported.order).collect();
        let orders: Vec<OrderId> = orders.into_iter().collect();
        let reservations = store::reservations::lock(tx, &orders).await?;
        let mut skus: BTreeSet<&Sku> = BTreeSet::new();
        for reservation in &reservations {
            skus.extend(reservation.lines.iter().map(|line| &line.sku));
        }
        for reported in &self.facts {
            if let OrderFact::Placed { lines, .. } = &reported.fact {
                skus.extend(lines.iter().map(|line| &line.sku));
            }
        }
        let skus: Vec<&Sku> = skus.into_iter().collect();
        let shelves = store::stock::lock(tx, &skus).await?;
        let mut book = Book::open(shelves, reservations);
        for (cause, reported) in self.facts.iter().enumerate() {
            book.follow(cause, reported.order, &reported.fact, self.margin)?;
        }
        let causes: Vec<&Provenance> = self.facts.iter().map(|reported| &reported.provenance).collect();
        write(tx, book.close(), &causes).await
    }
}

/// Writes the outcome of a batch and records its events, each with its own cause.
pub(super) async fn write(tx: &mut Tx<'_>, outcome: Outcome, causes: &[&Provenance]) -> Result<(), Error> {
    let now = Clock::now();
    let rows: Vec<StockUpdate> = outcome
        .shelves
        .iter()
        .map(|changed| StockUpdate { variant: changed.shelf.variant, stock: changed.shelf.stock })
        .collect();
    let entries: Vec<LedgerEntry<'_>> = outcome
        .movements
        .iter()
        .map(|moved| LedgerEntry {
            variant: moved.variant,
            sku: &moved.sku,
            order: Some(moved.order),
            movement: moved.movement,
            actor: &causes[moved.cause].actor,
        })
        .collect();
    store::stock::write(tx, &rows, &entries, "", now).await?;
    store::reservations::insert(tx, &outcome.created, now).await?;
    store::reservations::save(tx, &outcome.changed, now).await?;
    for told in outcome.notices {
        let event = published::reservation(told.order, told.notice);
        tx.record_caused_by(causes[told.cause], told.version, event);
    }
    for changed in outcome.shelves.into_iter().filter(|changed| changed.fell_low) {
        let event = published::low(changed.sku, &changed.shelf);
        tx.record_caused_by(causes[changed.cause], changed.shelf.stock.version, event);
    }
    Ok(())
}
