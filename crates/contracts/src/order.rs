//! What order publishes: the life of an order, as facts.

use kernel::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

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
        /// A person or a deadline ended it.
        Cancelled = "order.order.cancelled.v1",
    }
}

/// A shopper placed an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    /// The order.
    pub order: OrderId,
    /// What is ordered; each SKU once.
    pub lines: Vec<OrderLine>,
    /// The sum of the lines.
    pub total: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When order gives up waiting for catalog's answer.
    pub deadline_at: Timestamp,
    /// The shopper's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shopper_reference: Option<String>,
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
}

/// The stock is held and the order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmed {
    /// The order.
    pub order: OrderId,
    /// The sum of its lines.
    pub total: Money,
}

/// Catalog could not hold the stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The order.
    pub order: OrderId,
    /// Every reason against it.
    pub reasons: Vec<catalog::Reason>,
}

/// A person or a deadline ended the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// The order.
    pub order: OrderId,
    /// Who or what ended it.
    pub cause: Cause,
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
    /// Catalog's answer did not come in time.
    Deadline,
    /// The reservation had expired when the confirmation arrived.
    ReservationExpired,
}
