//! Following what order says: reserve, hold, release, for a whole batch of one organisation.
//! The rule: a fixed number of statements however many events, and the decision itself in `domain::reservation`.

use std::collections::BTreeSet;

use access::Permission;
use chrono::Duration;
use kernel::{Clock, OrderId, Sku};
use mediator::Command;
use persistence::{Provenance, Tx};

use crate::domain::reservation::{Book, OrderFact, Outcome};
use crate::error::CatalogError;
use crate::events::published;
use crate::store;
use crate::store::stock::{Kept, Written};

/// One event of an order and what it belongs to.
#[derive(Debug, Clone)]
pub struct OrderNews {
    /// Which order.
    pub order: OrderId,
    /// What happened to it.
    pub fact: OrderFact,
    /// The event's place in the chain of causes.
    pub provenance: Provenance,
}

/// Follows events of orders in the order of their offsets. Following one twice has no second effect.
#[derive(Debug, Clone)]
pub struct FollowOrders {
    /// The events.
    pub news: Vec<OrderNews>,
    /// How long a reservation outlives its order's deadline.
    pub margin: Duration,
}

impl Command for FollowOrders {
    const NAME: &'static str = "catalog.follow-orders";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = CatalogError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), CatalogError> {
        let organisation = tx.organisation();
        let orders: BTreeSet<OrderId> = self.news.iter().map(|news| news.order).collect();
        let orders: Vec<OrderId> = orders.into_iter().collect();
        let reservations = store::reservations::lock(tx.connection(), organisation, &orders).await?;
        let mut skus: BTreeSet<&Sku> = BTreeSet::new();
        for reservation in &reservations {
            skus.extend(reservation.lines.iter().map(|line| &line.sku));
        }
        for news in &self.news {
            if let OrderFact::Placed { lines, .. } = &news.fact {
                skus.extend(lines.iter().map(|line| &line.sku));
            }
        }
        let skus: Vec<&Sku> = skus.into_iter().collect();
        let shelves = store::stock::lock(tx.connection(), organisation, &skus).await?;
        let mut book = Book::open(shelves, reservations);
        for (cause, news) in self.news.iter().enumerate() {
            book.follow(cause, news.order, &news.fact, self.margin)?;
        }
        let provenances: Vec<&Provenance> = self.news.iter().map(|news| &news.provenance).collect();
        write(tx, book.close(), &provenances).await
    }
}

/// Writes the outcome of a batch and records what it says.
pub(super) async fn write(tx: &mut Tx<'_>, outcome: Outcome, causes: &[&Provenance]) -> Result<(), CatalogError> {
    let organisation = tx.organisation();
    let now = Clock::now();
    let rows: Vec<Written> = outcome
        .shelves
        .iter()
        .map(|changed| Written { variant: changed.shelf.variant, stock: changed.shelf.stock })
        .collect();
    let movements: Vec<Kept<'_>> = outcome
        .movements
        .iter()
        .map(|moved| Kept {
            variant: moved.variant,
            sku: &moved.sku,
            order: Some(moved.order),
            movement: moved.movement,
            actor: &causes[moved.cause].actor,
        })
        .collect();
    store::stock::write(tx.connection(), organisation, &rows, &movements, "", now).await?;
    store::reservations::insert(tx.connection(), organisation, &outcome.created, now).await?;
    store::reservations::save(tx.connection(), organisation, &outcome.changed, now).await?;
    for reply in outcome.replies {
        let event = published::answer(reply.order, reply.answer);
        tx.record_caused_by(causes[reply.cause], reply.version, event);
    }
    for changed in outcome.shelves.into_iter().filter(|changed| changed.fell_low) {
        let event = published::low(changed.sku, &changed.shelf);
        tx.record_caused_by(causes[changed.cause], changed.shelf.stock.version, event);
    }
    Ok(())
}
