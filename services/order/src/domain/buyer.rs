//! Whoever ordered from the organisation, as staff sees them. The rule: what is said of money is summed up from the orders, so it
//! cannot differ from them.

use kernel::{BuyerId, CustomerId, Money, SignedMoney, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{contact::Contact, timeline::TimelineEntry, view::OrderDetail};

/// Somebody who ordered. A person who ordered with an account of the shop and with an address of e-mail is two: nobody has proven that
/// the address is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Customer")]
pub struct Buyer {
    /// Its identity: the key that events carry as `buyer`.
    pub id: BuyerId,
    /// The account in the shop, where they ordered with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// As it was said last.
    #[serde(flatten)]
    pub contact: Contact,
    /// How many orders they placed, whatever became of those.
    pub orders: i64,
    /// What those came to, by currency.
    pub turnover: Vec<Turnover>,
    /// When they first ordered.
    pub first_order_at: Timestamp,
    /// When they last ordered.
    pub last_order_at: Timestamp,
    /// When they were forgotten; absent while they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

/// What somebody's orders of one currency came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Turnover {
    /// How many orders.
    pub orders: i64,
    /// What was ordered, cancelled orders and pieces included.
    pub ordered: Money,
    /// What was received less what was given back.
    pub spent: SignedMoney,
}

/// Everything that is held on somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CustomerExport")]
pub struct BuyerExport {
    /// The person.
    pub customer: Buyer,
    /// Their orders, oldest first.
    pub orders: Vec<OrderRecord>,
}

/// An order with what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRecord {
    /// The order.
    pub order: OrderDetail,
    /// What happened to it, oldest first: with what staff wrote down.
    pub timeline: Vec<TimelineEntry>,
}
