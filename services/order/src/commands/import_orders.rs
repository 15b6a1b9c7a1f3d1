//! Takes orders that were sold elsewhere. The rules: the channel's name of an order makes it one, however often it comes, and an import
//! is placed and goes on as any order does.

use std::collections::{HashMap, HashSet};

use access::Permission;
use kernel::{OrderId, OrganisationId, Timestamp};
use mediator::{Class, Classified, Command, Grouped, Member, Provenance, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    place_order::{Placing, place},
    save,
};
use crate::{
    domain::{
        Arrival, FulfilmentStatus, Label, Order, PaymentStatus, Queued, SoldElsewhere, Status, Walk, WantedOrder,
    },
    error::Error,
    store::{
        arrivals::{self, External, Happened, Heard, Said},
        orders,
    },
};

/// An order that was sold elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    /// The order as it is placed here.
    pub order: WantedOrder,
    /// What the channel said of it.
    pub sold: SoldElsewhere,
    /// When it was placed there.
    pub placed_at: Timestamp,
    /// Where it stands.
    pub arrival: Arrival,
}

/// Takes an order that was sold elsewhere.
#[derive(Debug, Clone)]
pub struct ImportOrder(pub Import);

/// Takes many, each by itself: one that is refused keeps no other out.
#[derive(Debug, Clone)]
pub struct ImportOrders(pub Vec<Import>);

/// Where an imported order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedOrder {
    /// The order.
    pub order: OrderId,
    /// Its number in the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// The channel's own name of it.
    pub external_reference: Label,
    /// Its version now.
    pub version: i64,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
}

/// What became of one order of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedRow {
    /// The order's place in the call, from 1.
    pub line: u64,
    /// The channel's own name of it.
    pub external_reference: Label,
    /// The order, where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<ImportedOrder>,
    /// Why it was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of the orders of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedOrders {
    /// Each order's outcome, in the order of the call.
    pub rows: Vec<ImportedRow>,
    /// Orders that were taken, whether now or before.
    pub imported: usize,
    /// Orders that were refused.
    pub failed: usize,
}

impl Command for ImportOrder {
    const NAME: &'static str = "order.import-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = ImportedOrder;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ImportedOrder, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for ImportOrder {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        let importing: Vec<Importing<'_>> = members
            .iter()
            .map(|member| Importing {
                organisation: member.organisation,
                provenance: member.provenance,
                import: &member.command.0,
            })
            .collect();
        import(tx, &importing).await
    }
}

impl Command for ImportOrders {
    const NAME: &'static str = "order.import-orders";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = ImportedOrders;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ImportedOrders, Error> {
        let (organisation, provenance) = (tx.organisation(), tx.provenance().clone());
        let one = |import| Importing { organisation, provenance: &provenance, import };
        let importing: Vec<Importing<'_>> = self.0.iter().map(one).collect();
        ImportedOrders::of(&self.0, import(tx, &importing).await?)
    }
}

impl ImportedOrders {
    /// What became of these imports. What is not the order's own fault fails the call.
    fn of(imports: &[Import], outcomes: Vec<Result<ImportedOrder, Error>>) -> Result<Self, Error> {
        let mut rows = Vec::with_capacity(imports.len());
        for ((line, import), outcome) in (1..).zip(imports).zip(outcomes) {
            let (order, error) = match outcome {
                Ok(order) => (Some(order), None),
                Err(refused) if refused.class() == Class::Refused => (None, Some(refused.in_full())),
                Err(failed) => return Err(failed),
            };
            rows.push(ImportedRow { line, external_reference: import.sold.external_reference.clone(), order, error });
        }
        let imported = rows.iter().filter(|row| row.order.is_some()).count();
        Ok(Self { imported, failed: rows.len() - imported, rows })
    }
}

impl ImportedOrder {
    fn of(order: &Order, import: &Import) -> Self {
        Self {
            order: order.id,
            number: order.number,
            external_reference: import.sold.external_reference.clone(),
            version: order.version,
            status: order.status(),
            payment_status: order.payment(),
            fulfilment_status: order.fulfilment(),
        }
    }
}

/// An import, and who brings it.
#[derive(Clone, Copy)]
struct Importing<'a> {
    organisation: OrganisationId,
    provenance: &'a Provenance,
    import: &'a Import,
}

impl<'a> Importing<'a> {
    fn external(&self) -> External<'a> {
        (self.organisation, &self.import.order.channel, &self.import.sold.external_reference)
    }
}

/// Places what is new, and lets the rest go on where the channel said something newer of it.
async fn import<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    importing: &[Importing<'_>],
) -> Result<Vec<Result<ImportedOrder, Error>>, Error> {
    let externals: Vec<External<'_>> = importing.iter().map(Importing::external).collect();
    let known = arrivals::find(tx, &externals).await?;
    let mut seen = HashSet::new();
    // Of several that have one name, the first is the order and the others are repeats of it.
    let is_new: Vec<bool> =
        externals.iter().zip(&known).map(|(external, known)| known.is_none() && seen.insert(*external)).collect();
    let fresh: Vec<Importing<'_>> = pick(importing, &is_new, true);
    let mut begun = place_new(tx, &fresh).await?.into_iter();
    let mut outcomes: Vec<Option<Result<ImportedOrder, Error>>> =
        is_new.iter().map(|new| if *new { begun.next() } else { None }).collect();

    let placed = |(place, outcome): (usize, &Option<Result<ImportedOrder, Error>>)| {
        let order = outcome.as_ref()?.as_ref().ok()?.order;
        externals.get(place).map(|external| (*external, order))
    };
    let by_name: HashMap<External<'_>, OrderId> = outcomes.iter().enumerate().filter_map(placed).collect();
    let mut repeats = Vec::new();
    for (place, (one, known)) in importing.iter().zip(&known).enumerate() {
        if let Some(order) = known.or_else(|| by_name.get(&one.external()).copied())
            && outcomes.get(place).is_some_and(Option::is_none)
        {
            repeats.push((place, *one, order));
        }
    }
    for (place, outcome) in resume(tx, &repeats).await? {
        if let Some(slot) = outcomes.get_mut(place) {
            *slot = Some(outcome);
        }
    }
    // What is left repeats one that was refused in this call.
    let missing = |(outcome, one): (Option<Result<ImportedOrder, Error>>, &Importing<'_>)| {
        outcome.unwrap_or_else(|| {
            Err(Error::FirstRefused { external_reference: one.import.sold.external_reference.clone() })
        })
    };
    Ok(outcomes.into_iter().zip(importing).map(missing).collect())
}

fn pick<'a>(importing: &[Importing<'a>], is_new: &[bool], wanted: bool) -> Vec<Importing<'a>> {
    importing.iter().zip(is_new).filter(|(_, new)| **new == wanted).map(|(one, _)| *one).collect()
}

/// Places orders and takes each where it stands.
async fn place_new<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    fresh: &[Importing<'_>],
) -> Result<Vec<Result<ImportedOrder, Error>>, Error> {
    let placing: Vec<Placing<'_>> = fresh
        .iter()
        .map(|one| Placing {
            organisation: one.organisation,
            provenance: one.provenance,
            order: &one.import.order,
            sold: Some((&one.import.sold, one.import.placed_at)),
        })
        .collect();
    let placed = place(tx, &placing, Queued::LeftOut).await?;
    let (mut outcomes, mut gone) = (Vec::with_capacity(placed.len()), Vec::new());
    for (one, placed) in fresh.iter().zip(placed) {
        outcomes.push(match placed {
            Ok((_, mut order)) => {
                let walk = one.import.arrival.arrive(&mut order)?;
                let imported = ImportedOrder::of(&order, one.import);
                gone.push((*one, order, walk));
                Ok(imported)
            }
            Err(refused) => Err(refused),
        });
    }
    write(tx, gone).await?;
    Ok(outcomes)
}

/// Lets orders go on that arrived before.
async fn resume<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    repeats: &[(usize, Importing<'_>, OrderId)],
) -> Result<Vec<(usize, Result<ImportedOrder, Error>)>, Error> {
    if repeats.is_empty() {
        return Ok(Vec::new());
    }
    let mut keys: Vec<(OrganisationId, OrderId)> =
        repeats.iter().map(|(_, one, order)| (one.organisation, *order)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut locked: HashMap<OrderId, Order> =
        orders::lock(tx, &keys).await?.into_iter().map(|order| (order.id, order)).collect();
    // Money is counted in the order's own currency only.
    let foreign = |one: &Importing<'_>, order: &OrderId| -> Option<Error> {
        let currency = locked.get(order)?.total.currency();
        let is_foreign = one.import.arrival.paid.is_some_and(|paid| paid.currency() != currency);
        is_foreign.then_some(Error::OtherCurrency { order: *order, currency })
    };
    let refused: HashMap<usize, Error> =
        repeats.iter().filter_map(|(place, one, order)| Some((*place, foreign(one, order)?))).collect();
    // Of several that say something of one order, the newest is heard.
    let moment = |one: &Importing<'_>| (one.import.sold.raw_status_at, one.import.arrival.progress());
    let mut newest: HashMap<OrderId, Importing<'_>> = HashMap::new();
    for (_, one, order) in repeats.iter().filter(|(place, ..)| !refused.contains_key(place)) {
        let heard = newest.entry(*order).or_insert(*one);
        if moment(one) > moment(heard) {
            *heard = *one;
        }
    }
    let said: Vec<Said<'_>> = newest
        .iter()
        .map(|(order, one)| Said {
            organisation: one.organisation,
            order: *order,
            sold: &one.import.sold,
            is_beyond: locked.get(order).is_some_and(|known| one.import.arrival.is_beyond(known.status())),
        })
        .collect();
    // The same word again may come with another status, more money or more pieces that are packed.
    let heard = arrivals::hear(tx, &said).await?;
    let heard_of: HashSet<OrderId> = heard.iter().map(|heard| heard.order).collect();
    let heard_keys: Vec<_> = keys.into_iter().filter(|(_, order)| heard_of.contains(order)).collect();
    let mut open = arrivals::open(tx, &heard_keys).await?;
    let mut gone = Vec::new();
    for Heard { order, is_new_word } in heard {
        let (Some(one), Some(locked)) = (newest.get(&order), locked.get_mut(&order)) else { continue };
        let open = open.remove(&order).unwrap_or_default();
        let word = is_new_word.then_some(&one.import.sold.raw_status);
        let walk = one.import.arrival.resume(locked, word, open)?;
        if !walk.steps.is_empty() {
            gone.push((*one, locked.clone(), walk));
        }
    }
    write(tx, gone).await?;
    let mut refused = refused;
    let outcome = |(place, one, order): &(usize, Importing<'_>, OrderId)| {
        if let Some(error) = refused.remove(place) {
            return (*place, Err(error));
        }
        let found = locked.get(order).map(|order| ImportedOrder::of(order, one.import));
        (*place, found.ok_or(Error::NotFound { order: *order }))
    };
    Ok(repeats.iter().map(outcome).collect())
}

/// Writes what orders went through, and records it.
async fn write<T: Tenancy>(tx: &mut Tx<'_, T>, gone: Vec<(Importing<'_>, Order, Walk)>) -> Result<(), Error> {
    let happened: Vec<Happened<'_>> = gone
        .iter()
        .map(|(one, order, walk)| Happened {
            organisation: one.organisation,
            order: order.id,
            walk,
            actor: &one.provenance.actor,
        })
        .collect();
    arrivals::write(tx, &happened).await?;
    let (mut changed, mut steps) = (Vec::with_capacity(gone.len()), Vec::new());
    for (one, order, walk) in gone {
        changed.push(order);
        steps.extend(walk.steps.into_iter().map(|step| (step, one.provenance.clone())));
    }
    save(tx, &changed, steps).await
}
