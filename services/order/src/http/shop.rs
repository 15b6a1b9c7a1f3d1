//! Orders in the public shop: whoever holds the order token may read and cancel that order, and so may the customer whose
//! order it is.

use kernel::{ChannelCode, Cursor, CustomerId, Malformed, OrderId, Page, PageSize, Quantity, Sku};
use mediator::Scope;
use rest::{
    App, Awaited, Body, Buyer, Credential, CredentialHeader, Events, IdempotencyKey, LastEventId, Path, Prefer,
    PriceBody, Problem, Query, State, Tagged, parses, problems,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contact::{self, AddressBody, ContactBody},
    following::{self, OrderNews},
    orders::OrderPath,
    steps::ReasonBody,
    waiting,
};
use crate::{
    commands::{CancelOwnOrder, ClaimOrder, PlaceOrder, Receipt, RequestOwnCancellation},
    domain::{
        Draft, HoldLimits, LineTerms, OrderToken, OrderView, Origin, Ownership, Reference, RequestedLine, Summary,
        WantedOrder,
    },
    error::Error,
    processes::{Followers, WaitingRoom},
    queries::{FindOwnOrder, ListOwnOrders},
};

/// The length of the shortest idempotency key that a shopper may send, in characters.
const SHORTEST_KEY: usize = 16;

/// What placing needs besides the request.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Who waits in this process for an order to be settled.
    pub waiting_room: WaitingRoom,
    /// Seconds until an order is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
    /// How many open orders somebody may have.
    pub limits: HoldLimits,
}

/// The header with the order token.
pub(super) struct TokenHeader;

impl CredentialHeader for TokenHeader {
    const NAME: &'static str = "order-token";
    const MEANING: &'static str = "The token that placing the order was answered with.";
}

/// An order to place.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceOrderBody {
    /// 1 to 100 lines; lines with the same SKU become one.
    #[garde(dive, length(min = 1, max = 100))]
    lines: Vec<LineBody>,
    /// The shopper's reference, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Reference::parse))))]
    #[schemars(with = "Option<Reference>")]
    reference: Option<String>,
    /// Whom to ask about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    contact: Option<ContactBody>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    shipping_address: Option<AddressBody>,
    /// Where the invoice goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    billing_address: Option<AddressBody>,
}

/// One line to order.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    /// 1 to 64 visible characters without spaces.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    quantity: i64,
    /// The price of one that the shopper was shown. Where it is given and is not the price now, nothing is ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    unit_price: Option<PriceBody>,
}

/// Which page of one's own orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnOrdersFilter {
    /// The `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// How many orders at most, 1 to 100; 20 when left out.
    #[serde(default)]
    limit: PageSize,
}

pub(super) async fn place(
    app: App,
    by: Buyer,
    from: rest::Origin,
    key: IdempotencyKey,
    prefer: Prefer,
    State(shop): State<Shop>,
    Body(body): Body<PlaceOrderBody>,
) -> Result<Awaited<Receipt>, Problem> {
    unguessable(&key)?;
    by.may_order()?;
    let command = body.command(&shop, &by, &from)?;
    let waiter = shop.waiting_room.enter(command.order.order);
    let at = |receipt: &Receipt| format!("/store/v1/{}/orders/{}", by.slug(), receipt.order.id);
    let recorded = app.create_grouped(&by, &key, &body, command, at).await?;
    waiting::outcome(&app, &by, &shop.waiting_room, waiter, recorded, prefer.wait()).await
}

pub(super) async fn list(
    app: App,
    by: Buyer,
    Query(filter): Query<OwnOrdersFilter>,
) -> Result<rest::Ok<Page<Summary>>, Problem> {
    let OwnOrdersFilter { cursor, limit } = filter;
    Ok(rest::Ok(app.ask(&by, ListOwnOrders { customer: customer(&by)?, cursor, limit }).await?))
}

pub(super) async fn find(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    let order = app.ask(&by, FindOwnOrder { order: at.order, proof: proof(&at, &by, token.as_ref())? }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}

pub(super) async fn follow(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
    last: LastEventId,
    State(followers): State<Followers>,
) -> Result<Events<OrderNews>, Problem> {
    let own = (at.order, proof(&at, &by, token.as_ref())?);
    following::for_shopper(app, Scope::clone(&by), &followers, own, last).await
}

pub(super) async fn cancel(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    let proof = proof(&at, &by, token.as_ref())?;
    app.send(&by, CancelOwnOrder { order: at.order, proof: proof.clone() }).await?;
    let order = app.ask(&by, FindOwnOrder { order: at.order, proof }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}

pub(super) async fn request_cancellation(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
    Body(body): Body<ReasonBody>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    let (proof, reason) = (proof(&at, &by, token.as_ref())?, body.reason()?);
    app.send(&by, RequestOwnCancellation { order: at.order, proof: proof.clone(), reason }).await?;
    let order = app.ask(&by, FindOwnOrder { order: at.order, proof }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}

pub(super) async fn claim(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Credential<TokenHeader>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    let (order, customer) = (at.order, customer(&by)?);
    app.send(&by, ClaimOrder { order, token: own(&at, &token)?, customer }).await?;
    let order = app.ask(&by, FindOwnOrder { order, proof: Ownership::Customer(customer) }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}

/// The customer who asks; a guest is told to log in.
fn customer(by: &Buyer) -> Result<CustomerId, Problem> {
    let guest = || {
        let challenge = Problem::new(problems::UNAUTHENTICATED).header("www-authenticate", "Bearer");
        challenge.detail("This is for customers of the shop. Log in as one.")
    };
    by.customer().ok_or_else(guest)
}

/// What proves that the order is the shopper's own: its token where one was sent, the customer's account otherwise.
pub(super) fn proof(at: &OrderPath, by: &Buyer, token: Option<&Credential<TokenHeader>>) -> Result<Ownership, Problem> {
    match (token, by.customer()) {
        (Some(token), _) => Ok(Ownership::Token(own(at, token)?)),
        (None, Some(customer)) => Ok(Ownership::Customer(customer)),
        (None, None) => {
            let needed = Problem::new(problems::UNAUTHENTICATED).header("www-authenticate", "Bearer");
            Err(needed.detail("Send the order's token as Order-Token, or log in as the customer whose order it is."))
        }
    }
}

/// Shoppers are anonymous: whoever sends the same key and body gets this order's reply, with its token.
pub(super) fn unguessable(key: &IdempotencyKey) -> Result<(), Problem> {
    if key.key().as_str().len() >= SHORTEST_KEY {
        return Ok(());
    }
    let reason = "must have at least 16 characters that nobody can guess, such as a UUID";
    Err(Problem::new(problems::INVALID_REQUEST).field("Idempotency-Key", reason))
}

/// The order token that was sent. A text that cannot be a token is treated like the token of another order.
fn own(at: &OrderPath, token: &Credential<TokenHeader>) -> Result<OrderToken, Error> {
    OrderToken::presented(token.expose()).ok_or(Error::NotFound { order: at.order })
}

impl PlaceOrderBody {
    pub(super) fn command(&self, shop: &Shop, by: &Buyer, from: &rest::Origin) -> Result<PlaceOrder, Problem> {
        let lines = self.lines.iter().map(LineBody::parse).collect::<Result<_, _>>()?;
        let token = OrderToken::generate().map_err(Problem::unavailable)?;
        let order = WantedOrder {
            order: OrderId::new(),
            token: token.digest(),
            draft: Draft::new(lines).map_err(Error::from)?,
            channel: ChannelCode::shop(),
            reference: self.reference.as_deref().map(Reference::parse).transpose()?,
            customer: by.customer(),
            contact_details: contact::details(
                self.contact.as_ref(),
                self.shipping_address.as_ref(),
                self.billing_address.as_ref(),
            )?,
            placed_from: Some(Origin::of(from.address)),
            limits: shop.limits,
            deadline_seconds: shop.deadline_seconds,
        };
        Ok(PlaceOrder { order, token })
    }
}

impl LineBody {
    fn parse(&self) -> Result<RequestedLine, Malformed> {
        let shown = self.unit_price.as_ref().map(PriceBody::money).transpose()?;
        let (sku, quantity) = (Sku::parse(&self.sku)?, Quantity::new(self.quantity)?);
        Ok(RequestedLine { sku, quantity, shown, terms: LineTerms::default() })
    }
}
