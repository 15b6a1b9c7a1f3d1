//! How an order looks from outside. The rule: these are the resources that HTTP answers with, so their fields and the
//! order of their fields are a promise to clients.

use contracts::{catalog::Reason, order::Cause};
use kernel::{Money, OrderId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    line::Line,
    reference::Reference,
    status::{FulfilmentStatus, PaymentStatus, Status},
};

/// An order as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct OrderView {
    /// Its identity.
    pub id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// What was ordered, each SKU once.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// The shopper's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
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

/// An order as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Its identity.
    pub id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// The sum of its lines.
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
