//! Places orders: prices from this service's own copy of the catalog, pending until catalog answers. Orders that come at
//! the same time share a transaction. The rule: however an order comes in, it is placed here.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use access::Permission;
use kernel::{BuyerId, Money, OrganisationId, Sku, Timestamp};
use mediator::{Command, Grouped, Member, Provenance, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        ContactDetails, FulfilmentStatus, Holder, Life, Line, Order, OrderToken, OrderView, Queued, SoldElsewhere,
        Status, WantedOrder,
    },
    error::Error,
    published,
    store::{
        contacts::{self, NewContact},
        orders::{self, Begun, NewOrder},
        sellable,
    },
};

/// Places an order that a shopper wants.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// What is wanted.
    pub order: WantedOrder,
    /// The token that its holder will have.
    pub token: OrderToken,
}

/// The order as it is, and the token that lets its holder read and cancel it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The order.
    #[serde(flatten)]
    pub order: OrderView,
    /// Send it as `Order-Token` to read or cancel this order. It is shown here and nowhere else.
    pub order_token: String,
}

impl Command for PlaceOrder {
    const NAME: &'static str = "order.place-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = Receipt;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Receipt, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for PlaceOrder {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        receipts(tx, members, |command| command).await
    }
}

/// Places an order that staff writes down for somebody, on the organisation's terms.
#[derive(Debug, Clone)]
pub struct EnterOrder(pub PlaceOrder);

impl Command for EnterOrder {
    const NAME: &'static str = "order.enter-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = Receipt;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Receipt, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for EnterOrder {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        receipts(tx, members, |command| &command.0).await
    }
}

/// An order to place, and who places it.
pub(super) struct Placing<'a> {
    /// Whose shop it is.
    pub organisation: OrganisationId,
    /// Who acts.
    pub provenance: &'a Provenance,
    /// The order.
    pub order: &'a WantedOrder,
    /// What the channel said of it and when it was placed there, where it was sold elsewhere.
    pub sold: Option<(&'a SoldElsewhere, Timestamp)>,
}

/// Places the orders of a group and answers each with its receipt.
async fn receipts<T: Tenancy, C: Command<Reply = Receipt, Error = Error>>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, C>],
    asked: impl Fn(&C) -> &PlaceOrder,
) -> Results<C> {
    let placing: Vec<Placing<'_>> = members
        .iter()
        .map(|Member { organisation, provenance, command }| Placing {
            organisation: *organisation,
            provenance,
            order: &asked(command).order,
            sold: None,
        })
        .collect();
    let placed = place(tx, &placing, Queued::Counted).await?;
    let receipt = |(member, placed): (&Member<'_, C>, Result<(OrderView, Order), Error>)| {
        placed.map(|(order, _)| Receipt { order, order_token: asked(member.command).token.reveal().to_owned() })
    };
    Ok(members.iter().zip(placed).map(receipt).collect())
}

/// Places orders, of however many organisations, in a fixed number of statements, and records their beginnings. One that is refused
/// has no effect.
pub(super) async fn place<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    placing: &[Placing<'_>],
    waiting: Queued,
) -> Result<Vec<Result<(OrderView, Order), Error>>, Error> {
    let wanted: Vec<(OrganisationId, &Sku)> =
        placing.iter().flat_map(|one| one.order.draft.skus().map(|sku| (one.organisation, sku))).collect();
    let offers = sellable::offers(tx, &wanted).await?;
    let orders: Vec<_> = placing.iter().map(|one| (one.organisation, one.order)).collect();
    let mut holds = count_holds(tx, &orders, waiting).await?;
    let prices = |one: &Placing<'_>| {
        one.order.refuse_too_many(one.organisation, &holds)?;
        let offers = offers.get(&one.organisation).map(Vec::as_slice).unwrap_or_default();
        let priced = one.order.draft.price(&one.order.channel, offers)?;
        // Only now: one that is refused takes no place of those behind it.
        one.order.count_hold(one.organisation, &mut holds);
        Ok(priced)
    };
    let priced: Vec<Result<(Vec<Line>, Money), Error>> = placing.iter().map(prices).collect();
    let new: Vec<NewOrder<'_>> = placing
        .iter()
        .zip(&priced)
        .filter_map(|(one, priced)| priced.as_ref().ok().map(|(lines, total)| one.new_order(lines, *total)))
        .collect();
    let said = placing.iter().zip(&priced).filter(|(_, priced)| priced.is_ok()).map(|(one, _)| one.new_contact());
    let buyers = contacts::insert(tx, &said.collect::<Vec<_>>()).await?;
    // Last, since it holds the numbers of the organisations until the transaction ends.
    let mut begun = orders::insert(tx, &new).await?.into_iter();
    let mut placed = Vec::with_capacity(placing.len());
    for (one, priced) in placing.iter().zip(priced) {
        placed.push(match priced {
            Err(refused) => Err(refused),
            Ok((lines, total)) => {
                let begun = begun.next().ok_or_else(|| Error::corrupt(one.order.order, "it was not inserted"))?;
                one.begun(tx, lines, total, begun, buyers.get(&one.order.order).copied())
            }
        });
    }
    Ok(placed)
}

/// The open orders of everybody who places or queues one in this group.
pub(super) async fn count_holds<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &WantedOrder)],
    queued: Queued,
) -> Result<HashMap<(OrganisationId, Holder), i64>, Error> {
    let of_one = |(organisation, order): &(OrganisationId, &WantedOrder)| {
        let organisation = *organisation;
        order.holders().map(move |(holder, most)| (organisation, holder, most)).collect::<Vec<_>>()
    };
    let holders: HashSet<(OrganisationId, Holder, u32)> = wanted.iter().flat_map(of_one).collect();
    orders::open_holds(tx, &holders.into_iter().collect::<Vec<_>>(), queued).await
}

impl WantedOrder {
    fn holders(&self) -> impl Iterator<Item = (Holder, u32)> {
        self.limits.holders(self.customer, self.placed_from)
    }

    /// Refuses one more open order than whoever places it may have.
    pub(super) fn refuse_too_many(
        &self,
        organisation: OrganisationId,
        holds: &HashMap<(OrganisationId, Holder), i64>,
    ) -> Result<(), Error> {
        let reached = |(holder, limit): &(Holder, u32)| {
            holds.get(&(organisation, *holder)).is_some_and(|open| *open >= i64::from(*limit))
        };
        match self.holders().find(reached) {
            Some((_, limit)) => Err(Error::TooManyOpen { limit }),
            None => Ok(()),
        }
    }

    /// Counts one more open order for whoever places it.
    pub(super) fn count_hold(&self, organisation: OrganisationId, holds: &mut HashMap<(OrganisationId, Holder), i64>) {
        for (holder, _) in self.holders() {
            *holds.entry((organisation, holder)).or_default() += 1;
        }
    }
}

impl<'a> Placing<'a> {
    fn new_order<'b>(&self, lines: &'b [Line], total: Money) -> NewOrder<'b>
    where
        'a: 'b,
    {
        let order = self.order;
        NewOrder {
            organisation: self.organisation,
            id: order.order,
            source: order.draft.source(),
            channel: &order.channel,
            sold_elsewhere: self.sold.map(|(sold, _)| sold),
            placed_at: self.sold.map(|(_, placed_at)| placed_at),
            lines,
            total,
            payment: Life::of(order.draft.source(), lines).payment(),
            reference: order.reference.as_ref(),
            token: order.token.clone(),
            customer: order.customer,
            placed_from: order.counted_from(),
            deadline_seconds: order.deadline_seconds,
            actor: &self.provenance.actor,
        }
    }

    fn new_contact(&self) -> NewContact<'_> {
        NewContact {
            organisation: self.organisation,
            order: self.order.order,
            customer: self.order.customer,
            details: &self.order.contact_details,
            reference: self.order.reference.as_ref(),
            placed_at: self.sold.map(|(_, placed_at)| placed_at),
        }
    }

    /// The order as it is now, and the event that says the same.
    fn begun<T: Tenancy>(
        &self,
        tx: &mut Tx<'_, T>,
        lines: Vec<Line>,
        total: Money,
        Begun { number, at }: Begun,
        buyer: Option<BuyerId>,
    ) -> Result<(OrderView, Order), Error> {
        let order = self.order;
        let view = OrderView {
            id: order.order,
            number: Some(number),
            status: Status::Pending,
            payment_status: Life::of(order.draft.source(), &lines).payment(),
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            lines,
            total,
            source: order.draft.source(),
            channel: order.channel.clone(),
            sold_elsewhere: self.sold.map(|(sold, _)| sold.clone()),
            oversold: false,
            parcels: Vec::new(),
            returns: Vec::new(),
            reference: order.reference.clone(),
            contact_details: ContactDetails::default(),
            reasons: Vec::new(),
            cancel_cause: None,
            version: 1,
            placed_at: self.sold.map_or(at, |(_, placed_at)| placed_at),
            deadline_at: at + Duration::from_secs(order.deadline_seconds.into()),
            settled_at: None,
            updated_at: at,
        };
        let aggregate = Order::placed(self.organisation, (order.customer, buyer), &view);
        let standing = aggregate.standing().map_err(|malformed| Error::corrupt(order.order, malformed))?;
        let placed = published::placed(&view, standing);
        tx.record_within(self.organisation, self.provenance, at, view.version, placed);
        Ok((view, aggregate))
    }
}
