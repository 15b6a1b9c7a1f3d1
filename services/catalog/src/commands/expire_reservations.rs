//! Freeing the stock of reservations that nobody confirmed in time.

use access::Permission;
use kernel::{OrderId, OrganisationId, Sku};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::commands::follow_orders::write;
use crate::domain::reservation::Book;
use crate::error::Error;
use crate::store;

/// Expires those of the reservations that are still due by the database's clock, but for those that somebody else works on or whose
/// stock somebody else has locked: those stay due.
#[derive(Debug, Clone)]
pub struct ExpireReservations {
    /// The orders whose reservations the sweep found.
    pub orders: Vec<OrderId>,
}

impl Command for ExpireReservations {
    const NAME: &'static str = "catalog.expire-reservations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let provenance = tx.provenance().clone();
        let organisation = tx.organisation();
        let mut due = store::reservations::lock_due(tx, &self.orders).await?;
        let skus: Vec<(OrganisationId, &Sku)> =
            due.iter().flat_map(|reservation| &reservation.lines).map(|line| (organisation, &line.sku)).collect();
        let (mut shelves, busy) = store::stock::lock_free(tx, &skus).await?;
        due.retain(|one| one.lines.iter().all(|line| !busy.contains(&(organisation, line.sku.clone()))));
        let orders: Vec<OrderId> = due.iter().map(|reservation| reservation.order).collect();
        let mut book = Book::open(shelves.remove(&organisation).unwrap_or_default(), due);
        for order in orders {
            book.expire(0, order)?;
        }
        write(tx, vec![(organisation, book.close())], &[&provenance]).await
    }
}
