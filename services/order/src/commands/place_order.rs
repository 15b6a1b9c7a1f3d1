//! Places orders: prices from this service's own copy of the catalog, pending until catalog answers. Orders that come at
//! the same time share a transaction.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use access::Permission;
use kernel::{BuyerId, ChannelCode, CustomerId, Money, OrderId, OrganisationId, Sku, Timestamp};
use mediator::{Command, Grouped, Member, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        ContactDetails, Draft, FulfilmentStatus, HoldLimits, Holder, Line, Order, OrderToken, OrderView, Origin,
        PaymentStatus, Reference, Status,
    },
    error::Error,
    published,
    store::{
        contacts::{self, NewContact},
        orders::{self, NewOrder},
        sellable,
    },
};

/// Places an order.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// The identity that the order will have.
    pub order: OrderId,
    /// The token that its holder will have.
    pub token: OrderToken,
    /// What the shopper wants.
    pub draft: Draft,
    /// The shopper's reference.
    pub reference: Option<Reference>,
    /// The customer who places it; none for a guest.
    pub customer: Option<CustomerId>,
    /// Who orders and where it goes.
    pub contact_details: ContactDetails,
    /// Where it is placed from.
    pub placed_from: Origin,
    /// How many open orders somebody may have.
    pub limits: HoldLimits,
    /// Seconds until it is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
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
        let wanted: Vec<(OrganisationId, &Sku)> = members
            .iter()
            .flat_map(|member| member.command.draft.skus().map(|sku| (member.organisation, sku)))
            .collect();
        let offers = sellable::offers(tx, &wanted).await?;
        let mut holds = count_holds(tx, members).await?;
        let prices = |member: &Member<'_, Self>| {
            member.command.take_hold(member.organisation, &mut holds)?;
            let offers = offers.get(&member.organisation).map(Vec::as_slice).unwrap_or_default();
            Ok(member.command.draft.price(offers)?)
        };
        let priced: Vec<Result<(Vec<Line>, Money), Error>> = members.iter().map(prices).collect();
        let new: Vec<NewOrder<'_>> = members
            .iter()
            .zip(&priced)
            .filter_map(|(member, priced)| {
                let (lines, total) = priced.as_ref().ok()?;
                Some(NewOrder {
                    organisation: member.organisation,
                    id: member.command.order,
                    lines,
                    total: *total,
                    reference: member.command.reference.as_ref(),
                    token: member.command.token.digest(),
                    customer: member.command.customer,
                    placed_from: (member.command.limits.per_address > 0).then_some(member.command.placed_from),
                    deadline_seconds: member.command.deadline_seconds,
                    actor: &member.provenance.actor,
                })
            })
            .collect();
        let placed_at = orders::insert(tx, &new).await?;
        let said: Vec<NewContact<'_>> = members
            .iter()
            .zip(&priced)
            .filter(|(_, priced)| priced.is_ok())
            .map(|(member, _)| NewContact {
                organisation: member.organisation,
                order: member.command.order,
                customer: member.command.customer,
                details: &member.command.contact_details,
                reference: member.command.reference.as_ref(),
            })
            .collect();
        let buyers = contacts::insert(tx, &said).await?;
        let receipts = members.iter().zip(priced).map(|(member, priced)| {
            let (lines, total) = priced?;
            let buyer = buyers.get(&member.command.order).copied();
            member.command.receipt(tx, member, lines, total, placed_at, buyer)
        });
        Ok(receipts.collect())
    }
}

/// The open orders of everybody who places one in this group.
async fn count_holds<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, PlaceOrder>],
) -> Result<HashMap<(OrganisationId, Holder), i64>, Error> {
    let of_member = |member: &Member<'_, PlaceOrder>| {
        let organisation = member.organisation;
        member.command.holders().map(move |(holder, most)| (organisation, holder, most)).collect::<Vec<_>>()
    };
    let holders: HashSet<(OrganisationId, Holder, u32)> = members.iter().flat_map(of_member).collect();
    orders::open_holds(tx, &holders.into_iter().collect::<Vec<_>>()).await
}

impl PlaceOrder {
    fn holders(&self) -> impl Iterator<Item = (Holder, u32)> {
        self.limits.holders(self.customer, self.placed_from)
    }

    /// Counts one more open order for whoever places it, unless that is too many.
    fn take_hold(
        &self,
        organisation: OrganisationId,
        holds: &mut HashMap<(OrganisationId, Holder), i64>,
    ) -> Result<(), Error> {
        let reached = |(holder, limit): &(Holder, u32)| {
            holds.get(&(organisation, *holder)).is_some_and(|open| *open >= i64::from(*limit))
        };
        if let Some((_, limit)) = self.holders().find(reached) {
            return Err(Error::TooManyOpen { limit });
        }
        for (holder, _) in self.holders() {
            *holds.entry((organisation, holder)).or_default() += 1;
        }
        Ok(())
    }

    /// What the shopper is told, and the event that says the same.
    fn receipt<T: Tenancy>(
        &self,
        tx: &mut Tx<'_, T>,
        member: &Member<'_, Self>,
        lines: Vec<Line>,
        total: Money,
        placed_at: Timestamp,
        buyer: Option<BuyerId>,
    ) -> Result<Receipt, Error> {
        let order = OrderView {
            id: self.order,
            status: Status::Pending,
            payment_status: PaymentStatus::Unpaid,
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            lines,
            total,
            channel: ChannelCode::shop(),
            parcels: Vec::new(),
            returns: Vec::new(),
            reference: self.reference.clone(),
            contact_details: ContactDetails::default(),
            reasons: Vec::new(),
            cancel_cause: None,
            version: 1,
            placed_at,
            deadline_at: placed_at + Duration::from_secs(self.deadline_seconds.into()),
            settled_at: None,
            updated_at: placed_at,
        };
        let standing = Order::placed(member.organisation, (self.customer, buyer), &order).standing();
        let standing = standing.map_err(|malformed| Error::corrupt(self.order, malformed))?;
        let placed = published::placed(&order, standing);
        tx.record_within(member.organisation, member.provenance, placed_at, order.version, placed);
        Ok(Receipt { order, order_token: self.token.reveal().to_owned() })
    }
}
