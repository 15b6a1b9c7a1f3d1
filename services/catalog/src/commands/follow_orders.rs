//! Following order's events: reserve, hold or release the stock, for a whole batch of however many organisations.
//! The rule: a fixed number of statements, however many events there are; the decision itself is `domain::reservation`'s.

use std::collections::{BTreeMap, BTreeSet};

use access::Permission;
use chrono::Duration;
use kernel::{Clock, OrderId, OrganisationId, Sku, Timestamp};
use mediator::{Command, Tenants};
use persistence::{Provenance, Tenancy, Tx};

use super::leaving_places::LeavingPlaces;
use super::serve_orders::serve;
use crate::domain::reservation::{Book, OrderFact, Outcome, Reservation};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::stock::{LedgerEntry, StockUpdate};

/// A fact about an order, with the event that reported it.
#[derive(Debug, Clone)]
pub struct ReportedFact {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// What happened to it.
    pub fact: OrderFact,
    /// When order said so.
    pub said_at: Timestamp,
    /// The event's place in the chain of causes.
    pub provenance: Provenance,
}

/// Follows events of orders in the order of their offsets. Following one twice has no second effect.
#[derive(Debug, Clone)]
pub struct FollowOrders {
    /// The facts, in the order of their offsets.
    pub facts: Vec<ReportedFact>,
    /// How long a reservation outlives its order's deadline, which order counts from when its event left its outbox: what
    /// comes late is held for so much longer.
    pub margin: Duration,
}

impl Command for FollowOrders {
    const NAME: &'static str = "catalog.follow-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let orders: BTreeSet<_> = self.facts.iter().map(|reported| (reported.organisation, reported.order)).collect();
        let orders: Vec<(OrganisationId, OrderId)> = orders.into_iter().collect();
        let reservations = store::reservations::lock(tx, &orders).await?;
        let mut skus: BTreeSet<(OrganisationId, &Sku)> = BTreeSet::new();
        for (organisation, reservation) in &reservations {
            skus.extend(reservation.lines.iter().map(|line| (*organisation, &line.sku)));
        }
        for reported in &self.facts {
            match &reported.fact {
                OrderFact::Placed { lines, .. } | OrderFact::AdditionRequested { lines, .. } => {
                    skus.extend(lines.iter().map(|line| (reported.organisation, &line.sku)));
                }
                OrderFact::Moved(lines) => skus.extend(lines.iter().map(|(sku, _)| (reported.organisation, sku))),
                OrderFact::Confirmed | OrderFact::Cancelled | OrderFact::Rejected => {}
            }
        }
        let skus: Vec<(OrganisationId, &Sku)> = skus.into_iter().collect();
        let mut shelves = store::stock::lock(tx, &skus).await?;
        let mut promised: BTreeMap<OrganisationId, Vec<Reservation>> = BTreeMap::new();
        for (organisation, reservation) in reservations {
            promised.entry(organisation).or_default().push(reservation);
        }
        let now = Clock::now();
        // A book per organisation: nothing that one of them has can be promised to another.
        let mut books: BTreeMap<OrganisationId, Book> = BTreeMap::new();
        for (cause, reported) in self.facts.iter().enumerate() {
            let organisation = reported.organisation;
            let book = books.entry(organisation).or_insert_with(|| {
                Book::open(
                    shelves.remove(&organisation).unwrap_or_default(),
                    promised.remove(&organisation).unwrap_or_default(),
                )
            });
            let late = (now - reported.said_at).max(Duration::zero());
            let margin = self.margin.checked_add(&late).unwrap_or(self.margin);
            book.follow(cause, reported.order, &reported.fact, margin)?;
        }
        let causes: Vec<&Provenance> = self.facts.iter().map(|reported| &reported.provenance).collect();
        let outcomes = books.into_iter().map(|(organisation, book)| (organisation, book.close())).collect();
        write(tx, outcomes, &causes).await
    }
}

/// Writes the outcomes of a batch and records its events, each with its own cause.
pub(super) async fn write<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    mut outcomes: Vec<(OrganisationId, Outcome)>,
    causes: &[&Provenance],
) -> Result<(), Error> {
    let now = Clock::now();
    let mut places = LeavingPlaces::read(tx, &outcomes).await?;
    let mut moves = Vec::new();
    for (organisation, outcome) in &outcomes {
        for moved in &outcome.movements {
            let portions = places.split(*organisation, moved)?.into_iter();
            moves.extend(portions.map(|(location, movement)| (*organisation, moved.clone(), location, movement)));
        }
    }
    places.count(&mut outcomes);
    let (mut rows, mut created, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for (organisation, outcome) in &outcomes {
        let organisation = *organisation;
        rows.extend(outcome.shelves.iter().map(|changed| StockUpdate {
            organisation,
            product: changed.shelf.product,
            variant: changed.shelf.variant,
            sku: &changed.sku,
            before: changed.before,
            stock: changed.shelf.stock,
            oversold: outcome.has_oversold(&changed.sku),
        }));
        created.extend(outcome.created.iter().map(|reservation| (organisation, reservation)));
        changed.extend(outcome.changed.iter().map(|reservation| (organisation, reservation)));
    }
    let entries: Vec<LedgerEntry<'_>> = moves
        .iter()
        .map(|(organisation, moved, location, movement)| LedgerEntry {
            organisation: *organisation,
            variant: moved.variant,
            sku: &moved.sku,
            order: Some(moved.order),
            location: location.as_ref(),
            movement: *movement,
            actor: &causes[moved.cause].actor,
        })
        .collect();
    places.write_levels(tx).await?;
    store::stock::write(tx, &rows, &entries, "", now).await?;
    store::reservations::insert(tx, &created, now).await?;
    store::reservations::save(tx, &changed, now).await?;
    places.write_promises(tx, &outcomes).await?;
    let served = serve(tx, &outcomes).await?;
    for (organisation, outcome) in outcomes {
        for told in outcome.notices {
            let event = published::reservation(told.order, told.notice, served.get(&told.order));
            tx.record_within(organisation, causes[told.cause], now, told.version, event);
        }
        for changed in outcome.shelves.into_iter().filter(|changed| changed.shelf.stock.got_low(&changed.before)) {
            let event =
                published::low(changed.sku, (changed.shelf.product, changed.shelf.variant), changed.shelf.stock);
            tx.record_within(organisation, causes[changed.cause], now, changed.shelf.stock.version, event);
        }
    }
    Ok(())
}
