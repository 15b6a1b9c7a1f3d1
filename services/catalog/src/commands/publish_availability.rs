//! Publishing what can be sold of SKUs that changed, of however many organisations.
//! The rules: a SKU that somebody else has locked holds up no others; and a mark goes in the transaction that records the state, under the lock that every change of the stock takes. So no
//! change is lost, and the records of a SKU are in the order of its versions.

use std::collections::BTreeSet;

use access::Permission;
use kernel::{Clock, OrganisationId, Sku};
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::domain::mark::Mark;
use crate::error::Error;
use crate::published;
use crate::store;

/// Publishes the availability of the marked SKUs as it is now. Marks that others took meanwhile are passed over. Gives the marks of
/// SKUs that others have locked: these stay.
#[derive(Debug, Clone)]
pub struct PublishAvailability {
    /// The marks that were found.
    pub marks: Vec<Mark>,
    /// What becomes of SKUs that others have locked.
    pub locked: Locked,
}

/// What becomes of SKUs that others have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// They are left, so that they hold up no others.
    Left,
    /// They are waited for, for a fifth of a second.
    Awaited,
}

impl Command for PublishAvailability {
    const NAME: &'static str = "catalog.publish-availability";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = Vec<Mark>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<Vec<Mark>, Error> {
        let wanted: Vec<(OrganisationId, &Sku)> =
            self.marks.iter().map(|mark| (mark.organisation, &mark.sku)).collect();
        let (mut shelves, left) = match self.locked {
            Locked::Left => store::stock::lock_free(tx, &wanted).await?,
            Locked::Awaited => (store::stock::lock_soon(tx, &wanted).await?, BTreeSet::new()),
        };
        let is_left = |mark: &Mark| left.contains(&(mark.organisation, mark.sku.clone()));
        let (left, taken): (Vec<Mark>, Vec<Mark>) = self.marks.iter().cloned().partition(is_left);
        // The mark of a SKU that was deleted says nothing any more.
        let version = |mark: &Mark| Some(shelves.get(&mark.organisation)?.get(&mark.sku)?.stock.version);
        let versioned = |mark: Mark| {
            let version = version(&mark);
            (mark, version)
        };
        let taken: Vec<(Mark, Option<i64>)> = taken.into_iter().map(versioned).collect();
        let (provenance, now) = (tx.provenance().clone(), Clock::now());
        let told = store::availability::take(tx, &taken).await?;
        let is_located = |(organisation, sku): &&(OrganisationId, Sku)| {
            shelves.get(organisation).and_then(|of_all| of_all.get(sku)).is_some_and(|shelf| shelf.stock.located > 0)
        };
        let located: Vec<(OrganisationId, &Sku)> =
            told.iter().filter(is_located).map(|(organisation, sku)| (*organisation, sku)).collect();
        let mut levels = store::locations::levels(tx, &located).await?;
        for (organisation, sku) in told {
            let Some(shelf) = shelves.get_mut(&organisation).and_then(|of_all| of_all.remove(&sku)) else { continue };
            let levels = levels.remove(&(organisation, sku.clone())).unwrap_or_default();
            let state = published::availability(sku, &shelf, &levels);
            tx.record_within(organisation, &provenance, now, state.version, state);
        }
        Ok(left)
    }
}
