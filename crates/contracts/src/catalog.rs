//! What catalog publishes: products as state, its answers to orders and its warnings about stock as facts.

use kernel::{CategoryId, Money, OrderId, ProductId, Quantity, Sku, Slug, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

use crate::{channel, topics};

/// A product with its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductState {
    /// The product's id.
    pub product: ProductId,
    /// Its name for people.
    pub title: String,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its category, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// The variants that it is sold in.
    pub variants: Vec<VariantState>,
    /// Rises by one with each change; an order's line names the version that its price comes from.
    pub version: i64,
}

channel::state!(ProductState on topics::PRODUCT, keyed by product, "catalog.product.state.v1");

/// Whether a product is sold.
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
pub enum ProductStatus {
    /// It is not sold yet.
    Draft,
    /// It is sold.
    Active,
    /// It is no longer sold.
    Retired,
}

impl ProductStatus {
    /// As the JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One sellable variant of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantState {
    /// The variant's id.
    pub variant: VariantId,
    /// The seller's name of it, unique in the organisation.
    pub sku: Sku,
    /// Its name for people, shown with its product's title.
    pub title: String,
    /// The price of one piece.
    pub price: Money,
    /// Whether it is sold while its product is.
    pub active: bool,
}

channel::facts! {
    /// Catalog's answers to an order.
    pub enum ReservationEvent on topics::RESERVATION, keyed by order {
        /// The stock is held.
        Reserved = "catalog.reservation.reserved.v1",
        /// Nothing is held.
        Rejected = "catalog.reservation.rejected.v1",
        /// The stock is free again, since nobody confirmed in time.
        Expired = "catalog.reservation.expired.v1",
        /// A confirmation met a reservation that had expired.
        ConfirmRefused = "catalog.reservation.confirm-refused.v1",
    }
}

/// All lines of an order are held until it is confirmed or cancelled, or until they expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserved {
    /// The order.
    pub order: OrderId,
    /// The lines that are held.
    pub lines: Vec<ReservedLine>,
    /// When the stock is given up if nobody confirms.
    pub expires_at: Timestamp,
}

/// The stock that is held of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservedLine {
    /// The SKU.
    pub sku: Sku,
    /// How many pieces are held.
    pub quantity: Quantity,
}

/// The stock of an order cannot be held; nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The order.
    pub order: OrderId,
    /// Every reason against it.
    pub reasons: Vec<Reason>,
}

/// Why the stock of an order, or of a line of it, cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No variant has the SKU.
    UnknownSku {
        /// The SKU.
        sku: Sku,
    },
    /// Too few are left.
    OutOfStock {
        /// The SKU.
        sku: Sku,
        /// How many pieces the order wants.
        requested: Quantity,
        /// How many pieces are available.
        available: i64,
    },
    /// The price is not the one that the order was placed with.
    PriceChanged {
        /// The SKU.
        sku: Sku,
        /// The price in the order.
        offered: Money,
        /// The price now.
        current: Money,
    },
    /// The product or the variant is not sold.
    NotForSale {
        /// The SKU.
        sku: Sku,
    },
    /// The order was cancelled before its stock was held.
    OrderCancelled,
}

/// The stock of an order is free again, since nobody confirmed in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expired {
    /// The order.
    pub order: OrderId,
}

/// A confirmation met a reservation that had expired: the order has no stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmRefused {
    /// The order.
    pub order: OrderId,
}

channel::facts! {
    /// Warnings about stock levels.
    pub enum StockEvent on topics::STOCK, keyed by variant {
        /// The available stock got to its threshold or below.
        Low = "catalog.stock.low.v1",
    }
}

/// The available stock of a variant is at its threshold or below. Published each time that it gets there: pieces went, the
/// threshold rose or was set for the first time, or the SKU began there with a threshold above 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Low {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// The pieces on hand that are not held for anyone.
    pub available: i64,
    /// The level at or below which this is published.
    pub threshold: i64,
}
