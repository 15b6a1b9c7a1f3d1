//! Forgets a person who ordered: first who they are and what they said with orders that still wait, then what was said with their orders,
//! a few at a time. Or what was said with one order, which is all that there is on somebody of whom no more than an address is known.
//! The rule: names, numbers, addresses and the shopper's own words go, from the person's record and from every order; the figures, what
//! happened to the orders and what staff wrote down stay, since they are the seller's books.

use access::Permission;
use kernel::{BuyerId, OrderId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, finish, lock, save};
use crate::{
    domain::Trigger,
    error::Error,
    store::{contacts, intake, orders},
};

/// Orders that one transaction empties.
const AT_ONCE: i64 = 100;

/// Empties the record of a person. Doing so again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct EraseBuyer {
    /// The person who is forgotten.
    pub buyer: BuyerId,
}

/// Empties some of the orders of a person whose record is empty; whether there may be more of them.
#[derive(Debug, Clone, Copy)]
pub struct EraseOrders {
    /// Whose.
    pub buyer: BuyerId,
}

/// Empties what was said with one order. Doing so again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct EraseOrder {
    /// The order.
    pub order: OrderId,
}

impl Command for EraseOrder {
    const NAME: &'static str = "order.erase-order";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        if !contacts::tells(tx, self.order).await? {
            return finish(tx, order, None).await;
        }
        let step = order.take(Trigger::EraseContact, None)?;
        contacts::erase_orders(tx, &[self.order]).await?;
        finish(tx, order, step).await
    }
}

impl Command for EraseBuyer {
    const NAME: &'static str = "order.erase-customer";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // Before the record is locked: orders whose turn has come are locked before the records of their people, too.
        intake::forget(tx, self.buyer).await?;
        // Whoever orders with the same key meanwhile waits for this short transaction, and is somebody new afterwards.
        let erased = contacts::lock_buyer(tx, self.buyer).await?.ok_or(Error::BuyerNotFound { buyer: self.buyer })?;
        if erased { Ok(()) } else { contacts::erase_person(tx, self.buyer).await }
    }
}

impl Command for EraseOrders {
    const NAME: &'static str = "order.erase-orders-of-customer";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let organisation = tx.organisation();
        let telling = contacts::telling_orders(tx, self.buyer, AT_ONCE).await?;
        if telling.is_empty() {
            return Ok(false);
        }
        let wanted: Vec<_> = telling.iter().map(|order| (organisation, *order)).collect();
        let mut locked = orders::lock(tx, &wanted).await?;
        let provenance = tx.provenance().clone();
        let mut steps = Vec::with_capacity(locked.len());
        for order in &mut locked {
            steps.extend(order.take(Trigger::EraseContact, None)?.map(|step| (step, provenance.clone())));
        }
        contacts::erase_orders(tx, &telling).await?;
        save(tx, &locked, steps).await?;
        Ok(true)
    }
}
