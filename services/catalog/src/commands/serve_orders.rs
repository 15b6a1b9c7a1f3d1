//! Choosing the places that serve the orders of a batch, once their stock is reserved from the sum. The rule: nobody is refused or
//! waits for where pieces lie; SKUs that no location has cost an order nothing here.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{OrderId, OrganisationId, Sku};
use persistence::{Tenancy, Tx};

use crate::domain::availability::Stock;
use crate::domain::location::{Location, PlaceLevel};
use crate::domain::reservation::{Line, Notice, OrderNotice, Outcome, Reservation, State};
use crate::domain::serving::{Demand, Portion, serving};
use crate::error::Error;
use crate::store;
use crate::store::serving::OrderPlace;

/// Which places serve each SKU of an order. Orders whose pieces are all at the default location are absent.
pub(super) type Served = BTreeMap<OrderId, BTreeMap<Sku, Vec<Portion>>>;

/// Gives back what orders no longer have, and chooses the places of those that have got something. The caller has locked the
/// stock rows.
pub(super) async fn serve<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    outcomes: &[(OrganisationId, Outcome)],
) -> Result<Served, Error> {
    let is_over = |reservation: &&Reservation| !matches!(reservation.state, State::Reserved | State::Held);
    let over: Vec<(OrganisationId, OrderId)> = outcomes
        .iter()
        .flat_map(|(organisation, outcome)| {
            outcome.changed.iter().filter(is_over).map(move |reservation| (*organisation, reservation.order))
        })
        .collect();
    store::serving::give_back(tx, &over).await?;
    let begun: Vec<Begun<'_>> =
        outcomes.iter().flat_map(|(organisation, outcome)| begun(*organisation, outcome)).collect();
    if begun.is_empty() {
        return Ok(Served::new());
    }
    let organisations: BTreeSet<OrganisationId> = begun.iter().map(|one| one.organisation).collect();
    let rules = store::serving::rules(tx, &organisations.into_iter().collect::<Vec<_>>()).await?;
    let mut places = places(tx, &begun).await?;
    let (mut served, mut rows) = (Served::new(), Vec::new());
    for one in &begun {
        let Begun { organisation, order, lines, .. } = one;
        let rule = rules.get(organisation).copied().unwrap_or_default();
        let of_line = |sku: &Sku| places.get(&(*organisation, sku.clone())).map(Vec::as_slice).unwrap_or_default();
        let demands: Vec<Demand<'_>> =
            lines.iter().map(|(sku, pieces)| Demand { pieces: *pieces, places: of_line(sku) }).collect();
        let portions = serving(rule, &demands);
        for ((sku, _), portions) in lines.iter().zip(portions) {
            for Portion { location, pieces } in &portions {
                let of_sku = places.get_mut(&(*organisation, (*sku).clone())).into_iter().flatten();
                for place in of_sku.filter(|place| place.location == *location) {
                    place.promised += pieces;
                }
                rows.push(OrderPlace {
                    organisation: *organisation,
                    order: *order,
                    sku: (*sku).clone(),
                    location: location.clone(),
                    pieces: *pieces,
                });
            }
            served.entry(*order).or_default().insert((*sku).clone(), portions);
        }
    }
    store::serving::promise(tx, &rows).await?;
    Ok(served)
}

/// An order that has got pieces, of which locations may have some.
struct Begun<'o> {
    organisation: OrganisationId,
    order: OrderId,
    /// What it has got of each SKU.
    lines: Vec<(&'o Sku, i64)>,
    stocks: BTreeMap<&'o Sku, Stock>,
}

/// The orders of a batch that have got their stock, or more of it, and still have it, in the order of the events, but for those whose
/// pieces are all at the default location.
fn begun<'o>(organisation: OrganisationId, outcome: &'o Outcome) -> Vec<Begun<'o>> {
    let stocks: BTreeMap<&Sku, Stock> =
        outcome.shelves.iter().map(|changed| (&changed.sku, changed.shelf.stock)).collect();
    if stocks.values().all(|stock| stock.located == 0) {
        return Vec::new();
    }
    let created = standing(&outcome.created);
    let changed = standing(&outcome.changed);
    let mut unplaced: BTreeMap<(OrderId, &Sku), i64> = BTreeMap::new();
    for (order, reservation) in &changed {
        unplaced.extend(reservation.lines.iter().map(|line| ((*order, &line.sku), line.pieces)));
    }
    let begun = |told: &'o OrderNotice| {
        let OrderNotice { order, notice, .. } = told;
        let lines: Vec<(&Sku, i64)> = match notice {
            // With what was added in the same batch. Of an order of which pieces left before its placing was heard of, a reservation
            // was there already.
            Notice::Reserved { .. } => {
                let reservation = created.get(order).or_else(|| changed.get(order))?;
                unplaced.retain(|(of, _), _| of != order);
                reservation.lines.iter().map(|line| (&line.sku, line.pieces)).collect()
            }
            // Without what was taken back in the same batch.
            Notice::Extended { lines, .. } if changed.contains_key(order) => {
                let mut placed = |line: &'o Line| {
                    let left = unplaced.get_mut(&(*order, &line.sku))?;
                    let pieces = line.pieces.min(*left);
                    *left -= pieces;
                    (pieces > 0).then_some((&line.sku, pieces))
                };
                lines.iter().filter_map(&mut placed).collect()
            }
            _ => return None,
        };
        let of_order: BTreeMap<&Sku, Stock> =
            lines.iter().filter_map(|(sku, _)| Some((*sku, *stocks.get(sku)?))).collect();
        let is_placed = of_order.values().any(|stock| stock.located > 0);
        is_placed.then_some(Begun { organisation, order: *order, lines, stocks: of_order })
    };
    outcome.notices.iter().filter_map(begun).collect()
}

/// Those of the reservations that have stock.
fn standing(reservations: &[Reservation]) -> BTreeMap<OrderId, &Reservation> {
    let has_stock = |one: &&Reservation| matches!(one.state, State::Reserved | State::Held);
    reservations.iter().filter(has_stock).map(|one| (one.order, one)).collect()
}

/// Where the SKUs of these orders are, before the orders are served. What is promised of the sum and of no location is promised of
/// the default one.
async fn places<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    begun: &[Begun<'_>],
) -> Result<BTreeMap<(OrganisationId, Sku), Vec<PlaceLevel>>, Error> {
    let (mut stocks, mut wanted) = (BTreeMap::new(), BTreeMap::<(OrganisationId, &Sku), i64>::new());
    for one in begun {
        stocks.extend(one.stocks.iter().map(|(sku, stock)| ((one.organisation, *sku), *stock)));
        for (sku, pieces) in &one.lines {
            *wanted.entry((one.organisation, *sku)).or_default() += pieces;
        }
    }
    let located: Vec<(OrganisationId, &Sku)> =
        stocks.iter().filter(|(_, stock)| stock.located > 0).map(|(owned, _)| *owned).collect();
    let mut places = store::serving::places(tx, &located).await?;
    for ((organisation, sku), stock) in &stocks {
        let places = places.entry((*organisation, (*sku).clone())).or_default();
        let elsewhere: i64 = places.iter().map(|place| place.promised).sum();
        let by_these = wanted.get(&(*organisation, *sku)).copied().unwrap_or_default();
        let promised = stock.level.reserved() + stock.level.held() - by_these - elsewhere;
        places.push(PlaceLevel {
            location: Location::DEFAULT.to_owned(),
            priority: 0,
            active: true,
            on_hand: stock.level.on_hand() - stock.located,
            promised: promised.max(0),
        });
    }
    Ok(places)
}
