//! Freeing the stock of reservations that nobody confirmed in time.

use access::Permission;
use kernel::{OrderId, Sku};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::commands::follow_orders::write;
use crate::domain::reservation::Book;
use crate::error::Error;
use crate::store;

/// Expires those of the reservations that are still due by the database's clock.
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
        let due = store::reservations::lock_due(tx, &self.orders).await?;
        let orders: Vec<OrderId> = due.iter().map(|reservation| reservation.order).collect();
        let skus: Vec<&Sku> = due.iter().flat_map(|reservation| &reservation.lines).map(|line| &line.sku).collect();
        let shelves = store::stock::lock_own(tx, &skus).await?;
        let mut book = Book::open(shelves, due);
        for order in orders {
            book.expire(0, order)?;
        }
        let organisation = tx.organisation();
        write(tx, vec![(organisation, book.close())], &[&provenance]).await
    }
}
