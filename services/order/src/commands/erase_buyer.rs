//! Forgets a person who ordered. The rule: names, numbers, addresses and the shopper's own words go, from the person's record and from
//! every order; the figures, what happened to the orders and what staff wrote down stay, since they are the seller's books.

use access::Permission;
use kernel::BuyerId;
use mediator::{Command, Tenant};
use persistence::Tx;

use super::save;
use crate::{
    domain::Trigger,
    error::Error,
    store::{contacts, orders},
};

/// Forgets somebody. Forgetting them again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct EraseBuyer {
    /// Who.
    pub buyer: BuyerId,
}

impl Command for EraseBuyer {
    const NAME: &'static str = "order.erase-customer";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // Whoever orders with the same key meanwhile waits for this lock, and is somebody new afterwards.
        let erased = contacts::lock_buyer(tx, self.buyer).await?.ok_or(Error::BuyerNotFound { buyer: self.buyer })?;
        if erased {
            return Ok(());
        }
        let organisation = tx.organisation();
        let wanted: Vec<_> =
            contacts::orders_of(tx, self.buyer).await?.into_iter().map(|order| (organisation, order)).collect();
        let mut locked = orders::lock(tx, &wanted).await?;
        let provenance = tx.provenance().clone();
        let mut steps = Vec::with_capacity(locked.len());
        for order in &mut locked {
            steps.extend(order.take(Trigger::EraseContact, None)?.map(|step| (step, provenance.clone())));
        }
        contacts::erase(tx, self.buyer).await?;
        save(tx, &locked, steps).await
    }
}
