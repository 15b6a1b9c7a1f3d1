//! How an order looks from outside. The rule: these are the resources that HTTP answers with, so their fields and the
//! order of their fields are a promise to clients.

use contracts::{
    catalog::Reason,
    order::{Cause, FulfilmentStatus, PaymentStatus, Source, Status},
};
use kernel::{BuyerId, ChannelCode, Money, OrderId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    addition::AdditionView,
    arrival::SoldElsewhere,
    contact::ContactDetails,
    life::Action,
    line::Line,
    parcel::Parcel,
    payment::{RecordedPayment, RecordedRefund},
    reference::Reference,
    returns::Return,
};

/// An order as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct OrderView {
    /// Its identity.
    pub id: OrderId,
    /// Its number in the organisation, as people say it: rising from 1001, with gaps. Absent where an older release placed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// What was ordered, each SKU once.
    pub lines: Vec<Line>,
    /// What it came to when it was placed, with what was added since: its lines less what is taken off, with tax and shipping.
    pub total: Money,
    /// How it came in.
    #[serde(default)]
    pub source: Source,
    /// Where it was sold.
    #[serde(default = "ChannelCode::shop")]
    pub channel: ChannelCode,
    /// What the channel said of it, where it was sold elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_elsewhere: Option<SoldElsewhere>,
    /// Whether more of it was promised than could be had.
    #[serde(default)]
    pub oversold: bool,
    /// The parcels that left, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
    /// What is to come back or came back, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Return>,
    /// The shopper's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Who ordered and where it goes; absent in what placing is answered with, which is recorded.
    #[serde(flatten)]
    pub contact_details: ContactDetails,
    /// Why it was rejected; absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Who or what cancelled it; absent unless it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_cause: Option<Cause>,
    /// Rises by one with every transition; the same number that its events carry.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Cancelled at this time unless catalog has answered. It moves on while Kafka has not taken the order's event.
    pub deadline_at: Timestamp,
    /// When it first stopped being pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An order as staff sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: OrderView,
    /// Whoever ordered, as one record for all their orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<BuyerId>,
    /// What is due: the total less what was cancelled.
    pub due: Money,
    /// Money that was received or promised, in its order.
    pub payments: Vec<RecordedPayment>,
    /// Money that was given back, in its order.
    pub refunds: Vec<RecordedRefund>,
    /// What catalog was asked to add to it and has not answered yet; absent where there is no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<AdditionView>,
    /// What can be done with it now.
    pub possible: Vec<Action>,
}

/// An order as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Its identity.
    pub id: OrderId,
    /// Its number in the organisation, as people say it; absent where an older release placed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// What it came to when it was placed, with what was added since.
    pub total: Money,
    /// The shopper's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Who or what cancelled it; absent unless it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_cause: Option<Cause>,
    /// Rises by one with every transition.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
