//! Publishing what can be sold of SKUs that changed, of however many organisations.
//! The rule: a mark goes in the transaction that records the state, under the lock that every change of the stock takes. So no
//! change is lost, and the records of a SKU are in the order of its versions.

use access::Permission;
use kernel::{Clock, OrganisationId, Sku};
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::domain::mark::Mark;
use crate::error::Error;
use crate::published;
use crate::store;

/// Publishes the availability of the marked SKUs as it is now. Marks that others took meanwhile are passed over.
#[derive(Debug, Clone)]
pub struct PublishAvailability {
    /// The marks that were found.
    pub marks: Vec<Mark>,
}

impl Command for PublishAvailability {
    const NAME: &'static str = "catalog.publish-availability";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let wanted: Vec<(OrganisationId, &Sku)> =
            self.marks.iter().map(|mark| (mark.organisation, &mark.sku)).collect();
        let mut shelves = store::stock::lock(tx, &wanted).await?;
        let (provenance, now) = (tx.provenance().clone(), Clock::now());
        for (organisation, sku) in store::availability::take(tx, &self.marks).await? {
            // The mark of a SKU that was deleted says nothing any more.
            let Some(shelf) = shelves.get_mut(&organisation).and_then(|of_all| of_all.remove(&sku)) else { continue };
            let state = published::availability(sku, &shelf);
            tx.record_within(organisation, &provenance, now, state.version, state);
        }
        Ok(())
    }
}
