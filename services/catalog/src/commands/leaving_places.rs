//! Where the pieces of a batch of orders leave from. The rule: a parcel takes from the places that were to serve its order, and an order is
//! never to have more from places than it has left.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{OrderId, OrganisationId, Sku, Slug};
use persistence::{Tenancy, Tx};

use crate::domain::location::{Location, PlaceLevel};
use crate::domain::reservation::{Notice, OrderMovement, Outcome, State};
use crate::domain::serving::{Portion, cut, leave};
use crate::domain::stock::{Movement, MovementKind};
use crate::error::Error;
use crate::store;
use crate::store::locations::OwnedSku;
use crate::store::serving::OrderPlace;

/// The places that a batch takes pieces from, and what its orders were to have from places.
pub(super) struct LeavingPlaces {
    /// What each place has of the SKUs that leave and are at more places than the default one, or are to.
    places: BTreeMap<OwnedSku, Vec<PlaceLevel>>,
    /// What orders of which pieces leave or are cancelled are to have from places.
    own: BTreeMap<(OrganisationId, OrderId, Sku), Vec<Portion>>,
}

impl LeavingPlaces {
    /// Reads them. The caller has locked the stock rows; most batches have nothing that leaves, and read nothing.
    pub(super) async fn read<T: Tenancy>(
        tx: &mut Tx<'_, T>,
        outcomes: &[(OrganisationId, Outcome)],
    ) -> Result<Self, Error> {
        let orders: Vec<(OrganisationId, OrderId)> = outcomes
            .iter()
            .flat_map(|(organisation, outcome)| lessened(outcome).into_iter().map(move |order| (*organisation, order)))
            .collect();
        let mut own: BTreeMap<(OrganisationId, OrderId, Sku), Vec<Portion>> = BTreeMap::new();
        for OrderPlace { organisation, order, sku, location, pieces } in store::serving::of_orders(tx, &orders).await? {
            own.entry((organisation, order, sku)).or_default().push(Portion { location, pieces });
        }
        let to_have: BTreeSet<(OrganisationId, &Sku)> = own.keys().map(|(of, _, sku)| (*of, sku)).collect();
        let mut defaults: BTreeMap<OwnedSku, PlaceLevel> = BTreeMap::new();
        for (organisation, outcome) in outcomes {
            let leaving: BTreeSet<&Sku> =
                outcome.movements.iter().filter(|moved| leaves(moved)).map(|moved| &moved.sku).collect();
            for changed in &outcome.shelves {
                let is_placed = changed.before.located > 0 || to_have.contains(&(*organisation, &changed.sku));
                if leaving.contains(&changed.sku) && is_placed {
                    let on_hand = changed.before.level.on_hand() - changed.before.located;
                    let location = Location::DEFAULT.to_owned();
                    let place = PlaceLevel { location, priority: 0, active: true, on_hand, promised: 0 };
                    defaults.insert((*organisation, changed.sku.clone()), place);
                }
            }
        }
        let wanted: Vec<(OrganisationId, &Sku)> = defaults.keys().map(|(of, sku)| (*of, sku)).collect();
        let mut places = if wanted.is_empty() { BTreeMap::new() } else { store::serving::places(tx, &wanted).await? };
        for (owned, place) in defaults {
            places.entry(owned).or_default().push(place);
        }
        Ok(Self { places, own })
    }

    /// Splits a movement among the places.
    pub(super) fn split(
        &mut self,
        organisation: OrganisationId,
        moved: &OrderMovement,
    ) -> Result<Vec<(Option<Slug>, Movement)>, Error> {
        let Some(places) = self.places.get_mut(&(organisation, moved.sku.clone())) else {
            return Ok(vec![(None, moved.movement)]);
        };
        let own = self.own.get_mut(&(organisation, moved.order, moved.sku.clone()));
        let own = own.map(Vec::as_mut_slice).unwrap_or_default();
        leave(places, own, moved.movement).map_err(|cause| Error::corrupt("location", cause))
    }

    /// Says beside each level how many of its pieces are at other locations than the default one now.
    pub(super) fn count(&self, outcomes: &mut [(OrganisationId, Outcome)]) {
        for (organisation, outcome) in outcomes {
            for changed in &mut outcome.shelves {
                if let Some(places) = self.places.get(&(*organisation, changed.sku.clone())) {
                    let elsewhere = places.iter().filter(|place| place.location != Location::DEFAULT);
                    changed.shelf.stock.located = elsewhere.map(|place| place.on_hand).sum();
                }
            }
        }
    }

    /// Writes what the places have now. Comes before the levels: a sum is never less than what is at locations.
    pub(super) async fn write_levels<T: Tenancy>(&self, tx: &mut Tx<'_, T>) -> Result<(), Error> {
        store::locations::write_places(tx, &self.places).await
    }

    /// Writes what the orders are to have from places now.
    pub(super) async fn write_promises<T: Tenancy>(
        self,
        tx: &mut Tx<'_, T>,
        outcomes: &[(OrganisationId, Outcome)],
    ) -> Result<(), Error> {
        let orders: BTreeSet<(OrganisationId, OrderId)> = self.own.keys().map(|(of, order, _)| (*of, *order)).collect();
        let mut left: BTreeMap<(OrganisationId, OrderId, &Sku), i64> = BTreeMap::new();
        for (organisation, outcome) in outcomes {
            for reservation in &outcome.changed {
                let lines = reservation.lines.iter();
                left.extend(lines.map(|line| ((*organisation, reservation.order, &line.sku), line.pieces)));
            }
            // What was added in the same batch gets its places afterwards.
            for told in &outcome.notices {
                let Notice::Extended { lines, .. } = &told.notice else { continue };
                for line in lines {
                    if let Some(pieces) = left.get_mut(&(*organisation, told.order, &line.sku)) {
                        *pieces -= line.pieces;
                    }
                }
            }
        }
        let mut rows = Vec::new();
        for ((organisation, order, sku), mut own) in self.own {
            cut(&mut own, left.get(&(organisation, order, &sku)).copied().unwrap_or_default());
            let row =
                |Portion { location, pieces }| OrderPlace { organisation, order, sku: sku.clone(), location, pieces };
            rows.extend(own.into_iter().map(row));
        }
        store::serving::give_back(tx, &orders.into_iter().collect::<Vec<_>>()).await?;
        store::serving::promise(tx, &rows).await
    }
}

/// Whether pieces leave.
fn leaves(moved: &OrderMovement) -> bool {
    moved.movement.kind == MovementKind::Commit
}

/// The known orders that have fewer pieces set aside than before, but still some, or all of whose pieces have left.
fn lessened(outcome: &Outcome) -> BTreeSet<OrderId> {
    let is_less = |moved: &&OrderMovement| leaves(moved) || moved.movement.kind == MovementKind::Release;
    let less: BTreeSet<OrderId> = outcome.movements.iter().filter(is_less).map(|moved| moved.order).collect();
    let standing = outcome.changed.iter().filter(|one| matches!(one.state, State::Reserved | State::Held));
    standing.map(|one| one.order).filter(|order| less.contains(order)).collect()
}
