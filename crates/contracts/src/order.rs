//! What order publishes: the life of an order, as facts.
//!
//! Each fact of the life after placing says where the order stands afterwards ([`Standing`]), so a reader needs no question and no
//! memory. What moves pieces or money says by how much: the amounts of all facts of an order add up.

use kernel::{
    ActionId, BuyerId, ChannelCode, CustomerId, DestinationId, Money, OrderId, ParcelId, PaymentId, ProductId,
    Quantity, RefundId, ReturnId, SignedMoney, Sku, Timestamp, VariantId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::notifier::ChatStep;
use crate::{catalog, channel, topics};

channel::facts! {
    /// The life of an order.
    pub enum OrderEvent on topics::ORDER, keyed by order {
        /// A shopper placed it; catalog is asked to hold the stock.
        Placed = "order.order.placed.v1",
        /// The stock is held and the order stands.
        Confirmed = "order.order.confirmed.v1",
        /// Catalog could not hold the stock.
        Rejected = "order.order.rejected.v1",
        /// A person or a deadline ended it, before anything was sent.
        Cancelled = "order.order.cancelled.v1",
        /// Some of its pieces were cancelled, and others were not.
        LinesCancelled = "order.order.lines-cancelled.v1",
        /// Its lines were changed before anything was packed.
        Edited = "order.order.edited.v1",
        /// Staff wants pieces added to it; catalog is asked to hold them.
        AdditionRequested = "order.order.addition-requested.v1",
        /// Catalog could not hold them, or staff withdrew them, so nothing is added.
        AdditionRefused = "order.order.addition-refused.v1",
        /// It must not be fulfilled for now.
        Held = "order.order.held.v1",
        /// It may be fulfilled again.
        Released = "order.order.released.v1",
        /// Somebody asked to cancel it, and the seller has not decided yet.
        CancellationRequested = "order.order.cancellation-requested.v1",
        /// The seller does not cancel it.
        CancellationDeclined = "order.order.cancellation-declined.v1",
        /// Pieces were packed.
        Packed = "order.order.packed.v1",
        /// A parcel left.
        Shipped = "order.order.shipped.v1",
        /// A parcel arrived.
        Delivered = "order.order.delivered.v1",
        /// Nothing more is expected of it.
        Completed = "order.order.completed.v1",
        /// Somebody wants to give pieces back.
        ReturnRequested = "order.order.return-requested.v1",
        /// The seller takes them back once they are there.
        ReturnApproved = "order.order.return-approved.v1",
        /// The seller does not take them back.
        ReturnDeclined = "order.order.return-declined.v1",
        /// Pieces came back.
        Returned = "order.order.returned.v1",
        /// Money was received or promised.
        PaymentRecorded = "order.order.payment-recorded.v1",
        /// Money was given back.
        Refunded = "order.order.refunded.v1",
        /// Somebody of the staff wrote something down.
        NoteAdded = "order.order.note-added.v1",
        /// A customer took it into their account.
        Claimed = "order.order.claimed.v1",
        /// What was held on the person who ordered is gone.
        ContactErased = "order.order.contact-erased.v1",
        /// More of it was promised than could be had.
        Oversold = "order.order.oversold.v1",
    }
}

channel::facts! {
    /// The way of an order from the queue to its place.
    pub enum IntakeEvent on topics::INTAKE, keyed by order {
        /// It was taken in, and is placed or refused in its turn.
        Queued = "order.intake.queued.v1",
    }
}

channel::facts! {
    /// What became of what somebody asked for with a button in a chat. An order that took the step also says so as always.
    pub enum OutcomeEvent on topics::OUTCOME, keyed by action {
        /// It was done, or had been done before.
        StepDone = "order.outcome.done.v1",
        /// It was not done.
        StepRefused = "order.outcome.refused.v1",
    }
}

/// What was asked for was done, or had been done before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepDone {
    /// What was asked.
    pub action: ActionId,
    /// The order.
    pub order: OrderId,
    /// The step that was asked for.
    pub step: ChatStep,
    /// Where it was asked; absent for the chat of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// The order's number in the organisation; absent where an older release placed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Where the order stands.
    pub status: Status,
}

/// What was asked for was not done, and nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepRefused {
    /// What was asked.
    pub action: ActionId,
    /// The order.
    pub order: OrderId,
    /// The step that was asked for.
    pub step: ChatStep,
    /// Where it was asked; absent for the chat of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// Why.
    pub reason: StepRefusal,
    /// The order's number in the organisation; absent where nobody may know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Where the order stands; absent where nobody may know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// Why a step was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StepRefusal {
    /// Whoever asked is no member of the organisation, or no member who may act on orders.
    NotPermitted,
    /// The organisation has no such order.
    NoSuchOrder,
    /// The order stands where the step cannot be taken.
    NotPossible,
    /// It was asked so long ago that whoever asked may not want it any more.
    TooLate,
}

/// An order was taken in. What is wanted, and by whom, stays with the service: a topic cannot forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queued {
    /// The identity that the order has once it is placed.
    pub order: OrderId,
}

/// Where an order stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// Placed; catalog has not answered yet.
    Pending,
    /// Every line is reserved.
    Confirmed,
    /// It must not be fulfilled for now.
    OnHold,
    /// Every piece is packed.
    Packed,
    /// Every piece has left.
    Shipped,
    /// Every piece has arrived.
    Delivered,
    /// Nothing more is expected of it.
    Completed,
    /// Somebody asked to cancel it, and the seller has not decided yet.
    CancelRequested,
    /// Every piece was cancelled: by somebody, by the deadline or by the loss of the reservation.
    Cancelled,
    /// Pieces are to come back.
    ReturnRequested,
    /// Every piece that was sent came back.
    Returned,
    /// Catalog rejected it; the reasons stand in the history.
    Rejected,
}

/// Whether an order is paid for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PaymentStatus {
    /// Nothing was received or promised.
    Unpaid,
    /// Money was promised and not received.
    Authorised,
    /// Less was received than is due.
    PartlyPaid,
    /// What is due was received.
    Paid,
    /// Some of what was received was given back.
    PartlyRefunded,
    /// All that was received was given back.
    Refunded,
}

/// Whether the goods have left or came back.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FulfilmentStatus {
    /// Nothing was sent.
    Unfulfilled,
    /// Some pieces were sent.
    PartlyFulfilled,
    /// Every piece was sent.
    Fulfilled,
    /// Some pieces came back.
    PartlyReturned,
    /// Every piece came back.
    Returned,
}

/// How an order came in.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Source {
    /// A shopper placed it in the shop.
    #[default]
    Shop,
    /// Staff wrote it down for somebody.
    Staff,
    /// It was sold elsewhere and brought here.
    Import,
}

impl Source {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_shop(&self) -> bool {
        *self == Self::Shop
    }
}

/// What an order takes from stock.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StockPolicy {
    /// What it wants, if that can be had.
    #[default]
    Update,
    /// What it wants, also where that cannot be had: it is sold already.
    Force,
    /// Nothing, now and later.
    Skip,
}

impl StockPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Somebody placed an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    /// The order.
    pub order: OrderId,
    /// What is ordered; each SKU once.
    pub lines: Vec<OrderLine>,
    /// What it comes to: the lines less discounts, with tax and shipping.
    pub total: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When order gives up waiting for catalog's answer.
    pub deadline_at: Timestamp,
    /// The shopper's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shopper_reference: Option<String>,
    /// The sales channel whose prices its lines have, and which they have to be listed in. Absent where it was sold elsewhere, and in
    /// what an older release said, which took the shop's prices in every channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_in: Option<ChannelCode>,
    /// Where it stands; absent in what an older release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Box<Standing>>,
}

/// What is ordered of one SKU, priced from order's own copy of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The version of the product that the price comes from.
    pub product_version: i64,
    /// How many pieces.
    pub quantity: Quantity,
    /// The price of one piece.
    pub unit_price: Money,
    /// The seller set the price, so catalog does not compare it with its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub price_given: bool,
}

/// What is left out of a record.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(said: &bool) -> bool {
    !said
}

/// Where an order stands after what is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Its number in the organisation, as people say it; absent in what an older release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// How it came in; absent where a shopper placed it in the shop.
    #[serde(default, skip_serializing_if = "Source::is_shop")]
    pub source: Source,
    /// What it takes from stock; absent where that is what it wants, if it can be had.
    #[serde(default, skip_serializing_if = "StockPolicy::is_usual")]
    pub stock: StockPolicy,
    /// More of it was promised than could be had.
    #[serde(default, skip_serializing_if = "is_false")]
    pub oversold: bool,
    /// What may happen to it next.
    pub status: Status,
    /// Whether it is paid for.
    pub payment: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment: FulfilmentStatus,
    /// Where it was sold.
    pub channel: ChannelCode,
    /// The customer whose it is; absent for a guest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Who ordered, as one key for all their orders; absent where nobody was named. Names and addresses are on no topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<BuyerId>,
    /// What it came to when it was placed, with what was added to it since.
    pub total: Money,
    /// What was promised for it and not received.
    pub authorised: Money,
    /// What was received for it, before anything was given back.
    pub paid: Money,
    /// What was given back of it.
    pub refunded: Money,
    /// Its lines, each SKU once.
    pub lines: Vec<LineStanding>,
}

/// Where one line of an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineStanding {
    /// The seller's name of it.
    pub sku: Sku,
    /// The product that was sold by this SKU.
    pub product: ProductId,
    /// The variant of it.
    pub variant: VariantId,
    /// The price of one piece.
    pub unit_price: Money,
    /// What one piece cost the seller when it was ordered, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
    /// The amounts of all the pieces that were ordered.
    pub amounts: Amounts,
    /// How many pieces are where, since the beginning of the order.
    pub pieces: Pieces,
}

/// The amounts of so many pieces of a line. Those of steps back are negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amounts {
    /// The price of one times the pieces.
    pub gross: SignedMoney,
    /// What is taken off, this line's share of what is taken off the order included.
    pub discount: SignedMoney,
    /// Tax beyond the prices.
    pub tax: SignedMoney,
    /// The share in the cost of shipping.
    pub shipping: SignedMoney,
    /// What is due: gross less discount, with tax and shipping.
    pub net: SignedMoney,
}

/// How many pieces of a line are where. Each number counts from the beginning of the order and includes what went on: a piece that
/// was delivered was shipped and packed too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Pieces {
    /// Pieces that were ordered.
    pub ordered: i64,
    /// Pieces that catalog holds for it now.
    pub reserved: i64,
    /// Pieces that were packed.
    pub packed: i64,
    /// Pieces that left.
    pub shipped: i64,
    /// Pieces that arrived.
    pub delivered: i64,
    /// Pieces that were cancelled before they left.
    pub cancelled: i64,
    /// Pieces that are to come back and have not yet.
    pub return_requested: i64,
    /// Pieces that came back.
    pub returned: i64,
    /// Those of the returned pieces that cannot be sold again.
    pub written_off: i64,
}

/// Pieces of one line that something happened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedLine {
    /// The seller's name of it.
    pub sku: Sku,
    /// How many pieces it happened to.
    pub quantity: Quantity,
    /// The amounts of these pieces: negative where they go back.
    pub amounts: Amounts,
    /// What these pieces cost the seller when they were ordered, with the sign of the amounts, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<SignedMoney>,
}

/// The stock is held and the order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmed {
    /// The order.
    pub order: OrderId,
    /// The sum of its lines.
    pub total: Money,
    /// Where it stands; absent in what an older release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Box<Standing>>,
}

/// Catalog could not hold the stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The order.
    pub order: OrderId,
    /// Every reason against it.
    pub reasons: Vec<catalog::Reason>,
    /// Where it stands; absent in what an older release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Box<Standing>>,
}

/// A person or a deadline ended the order. Nothing of it was sent, and nothing will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// The order.
    pub order: OrderId,
    /// Who or what ended it.
    pub cause: Cause,
    /// Why, in the words of whoever ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was cancelled by this; pieces that were cancelled before are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<MovedLine>,
    /// Where it stands; absent in what an older release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Box<Standing>>,
}

impl Confirmed {
    /// A confirmation that says no more than it must.
    #[must_use]
    pub const fn new(order: OrderId, total: Money) -> Self {
        Self { order, total, standing: None }
    }
}

impl Cancelled {
    /// A cancellation that says no more than it must.
    #[must_use]
    pub const fn new(order: OrderId, cause: Cause) -> Self {
        Self { order, cause, reason: None, lines: Vec::new(), standing: None }
    }
}

/// Some pieces of the order were cancelled; others were sent or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinesCancelled {
    /// The order.
    pub order: OrderId,
    /// Who or what cancelled them.
    pub cause: Cause,
    /// Why, in the words of whoever cancelled them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was cancelled by this.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Staff changed the lines of the order before anything was packed. Pieces that were taken off count as cancelled in the pieces of
/// their line; pieces that were added count as ordered, and their line may be new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edited {
    /// The order.
    pub order: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The addition that was given; absent where pieces were taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<i64>,
    /// What was changed by this: with negative amounts what was taken off, with positive ones what was added. Added pieces have no
    /// discount, tax or shipping of their own.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Staff wants pieces added to the order, of which nothing is packed. Catalog holds all of them or none and says which, with the
/// addition's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdditionRequested {
    /// The order.
    pub order: OrderId,
    /// Which addition of the order it is, from 1. An order has one open at a time.
    pub number: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is to be added, each SKU once: more pieces of a line at its price, or a new line.
    pub lines: Vec<OrderLine>,
    /// The sales channel whose prices new lines have, and which all have to be listed in. Absent in what an older release said, which
    /// took the shop's prices in every channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_in: Option<ChannelCode>,
    /// Where the order stands; nothing is added yet.
    pub standing: Box<Standing>,
}

/// Nothing is added to the order, since catalog could not hold it or staff withdrew it. The order is as it was, and catalog frees what it
/// may hold for the addition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdditionRefused {
    /// The order.
    pub order: OrderId,
    /// Which addition of the order it is.
    pub number: i64,
    /// Every reason of catalog against it; none where it was withdrawn.
    pub reasons: Vec<catalog::Reason>,
    /// Staff withdrew it before catalog's answer was there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
    /// Why it was withdrawn, in somebody's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// More of an order was promised than could be had, because it had been sold elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Oversold {
    /// The order.
    pub order: OrderId,
    /// What could not be had.
    pub lines: Vec<OversoldLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Pieces of one SKU that were promised although they could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OversoldLine {
    /// The seller's name of it.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// The order must not be fulfilled for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The order.
    pub order: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// The order may be fulfilled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// The order.
    pub order: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Somebody asked to cancel the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancellationRequested {
    /// The order.
    pub order: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// The order is not cancelled, although somebody asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancellationDeclined {
    /// The order.
    pub order: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Pieces were packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Packed {
    /// The order.
    pub order: OrderId,
    /// What was packed by this.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// A parcel left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shipped {
    /// The order.
    pub order: OrderId,
    /// The parcel.
    pub parcel: ParcelId,
    /// Who carries it, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number of it, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// What is in it.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// A parcel arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivered {
    /// The order.
    pub order: OrderId,
    /// The parcel.
    pub parcel: ParcelId,
    /// What is in it.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Nothing more is expected of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completed {
    /// The order.
    pub order: OrderId,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Somebody wants to give pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRequested {
    /// The order.
    pub order: OrderId,
    /// The return. `return` is a word of many languages.
    pub return_id: ReturnId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is to come back. Nothing is gained or lost by this, so the amounts are what it would be, and negative.
    pub lines: Vec<MovedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// The seller takes the pieces of a return back once they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnApproved {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub return_id: ReturnId,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// The seller does not take the pieces of a return back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnDeclined {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub return_id: ReturnId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Pieces came back. The return is over: what it was about and did not come back may be asked for anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Returned {
    /// The order.
    pub order: OrderId,
    /// The return.
    pub return_id: ReturnId,
    /// What came back.
    pub lines: Vec<MovedLine>,
    /// Those of the pieces that can be sold again, with the amounts of all that came back above.
    pub restocked: Vec<RestockedLine>,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Pieces of one line that can be sold again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestockedLine {
    /// The seller's name of it.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// Whether money is there.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PaymentKind {
    /// It was promised: a card was charged for later, or the courier collects it.
    Authorised,
    /// It was received.
    Received,
}

/// Money was received or promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRecorded {
    /// The order.
    pub order: OrderId,
    /// The payment.
    pub payment: PaymentId,
    /// Whether the money is there.
    pub kind: PaymentKind,
    /// How it was paid.
    pub method: String,
    /// The payer's or the bank's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How much.
    pub amount: Money,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Money was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refunded {
    /// The order.
    pub order: OrderId,
    /// The refund.
    pub refund: RefundId,
    /// The payment that it is of.
    pub payment: PaymentId,
    /// How it was given back.
    pub method: String,
    /// The payee's or the bank's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How much, negative.
    pub amount: SignedMoney,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Somebody of the staff wrote something down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteAdded {
    /// The order.
    pub order: OrderId,
    /// What was written.
    pub text: String,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// A guest's order is a customer's from now on. Whoever has its token can still read and cancel it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claimed {
    /// The order.
    pub order: OrderId,
    /// The customer who has it in their account now.
    pub customer: CustomerId,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// The names, addresses and numbers of whoever placed the order are gone; the order keeps its figures. Whoever keeps some of them
/// is to forget them, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactErased {
    /// The order.
    pub order: OrderId,
    /// Where the order stands.
    pub standing: Box<Standing>,
}

/// Who or what ended an order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    /// The shopper who placed it.
    Shopper,
    /// A member of the organisation's staff.
    Staff,
    /// Catalog's answer did not come in time, or nobody paid in time for an order that was confirmed.
    Deadline,
    /// The reservation had expired when the confirmation arrived.
    ReservationExpired,
}

impl OrderEvent {
    /// Where the order stands afterwards; none in what an older release said.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        match self {
            Self::Placed(it) => it.standing.as_deref(),
            Self::Confirmed(it) => it.standing.as_deref(),
            Self::Rejected(it) => it.standing.as_deref(),
            Self::Cancelled(it) => it.standing.as_deref(),
            Self::LinesCancelled(it) => Some(&it.standing),
            Self::Edited(it) => Some(&it.standing),
            Self::AdditionRequested(it) => Some(&it.standing),
            Self::AdditionRefused(it) => Some(&it.standing),
            Self::Held(it) => Some(&it.standing),
            Self::Released(it) => Some(&it.standing),
            Self::CancellationRequested(it) => Some(&it.standing),
            Self::CancellationDeclined(it) => Some(&it.standing),
            Self::Packed(it) => Some(&it.standing),
            Self::Shipped(it) => Some(&it.standing),
            Self::Delivered(it) => Some(&it.standing),
            Self::Completed(it) => Some(&it.standing),
            Self::ReturnRequested(it) => Some(&it.standing),
            Self::ReturnApproved(it) => Some(&it.standing),
            Self::ReturnDeclined(it) => Some(&it.standing),
            Self::Returned(it) => Some(&it.standing),
            Self::PaymentRecorded(it) => Some(&it.standing),
            Self::Refunded(it) => Some(&it.standing),
            Self::NoteAdded(it) => Some(&it.standing),
            Self::Claimed(it) => Some(&it.standing),
            Self::ContactErased(it) => Some(&it.standing),
            Self::Oversold(it) => Some(&it.standing),
        }
    }
}
