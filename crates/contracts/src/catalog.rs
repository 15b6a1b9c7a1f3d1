//! What catalog says: products as state, its answers to orders and its news of stock as facts.

use kernel::{CategoryId, Money, OrderId, ProductId, Quantity, Sku, Slug, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{channel, topics};

/// A product with its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductState {
    /// Which.
    pub product: ProductId,
    /// Its name for people.
    pub title: String,
    /// Its name in addresses.
    pub slug: Slug,
    /// Where it stands in the category tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// What is sold of it.
    pub variants: Vec<VariantState>,
    /// Counts its changes; an order's line names the one it was priced with.
    pub version: i64,
}

channel::state!(ProductState on topics::PRODUCT, keyed by product, "catalog.product.state.v1");

/// Whether a product is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProductStatus {
    /// Not yet.
    Draft,
    /// Yes.
    Active,
    /// No longer.
    Retired,
}

impl ProductStatus {
    /// As the JSON has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// One sellable variant of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantState {
    /// Which.
    pub variant: VariantId,
    /// The seller's name of it, unique in the organisation.
    pub sku: Sku,
    /// What it is called beside its product's title.
    pub title: String,
    /// For one piece.
    pub price: Money,
    /// Whether it is sold, provided that its product is.
    pub active: bool,
}

channel::facts! {
    /// Catalog's answers to an order.
    pub enum ReservationEvent on topics::RESERVATION, keyed by order {
        /// The stock is held.
        Reserved = "catalog.reservation.reserved.v1",
        /// Nothing is held.
        Rejected = "catalog.reservation.rejected.v1",
        /// What was held is free again, since nobody confirmed in time.
        Expired = "catalog.reservation.expired.v1",
        /// A confirmation met a reservation that had expired.
        ConfirmRefused = "catalog.reservation.confirm-refused.v1",
    }
}

/// All lines of an order are held until it is confirmed or cancelled, or until they expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserved {
    /// Of which order.
    pub order: OrderId,
    /// What is held.
    pub lines: Vec<ReservedLine>,
    /// Until when, if nobody confirms.
    pub expires_at: Timestamp,
}

/// What is held of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservedLine {
    /// Of what.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// An order cannot be had; nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// Which order.
    pub order: OrderId,
    /// Everything that stands against it.
    pub reasons: Vec<Reason>,
}

/// Why an order, or a line of it, cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No variant has the SKU.
    UnknownSku {
        /// Which.
        sku: Sku,
    },
    /// Too few are left.
    OutOfStock {
        /// Of what.
        sku: Sku,
        /// How many the order wants.
        requested: Quantity,
        /// How many it could have had.
        available: i64,
    },
    /// The price is not what the order was placed with.
    PriceChanged {
        /// Of what.
        sku: Sku,
        /// What the order carried.
        offered: Money,
        /// What it costs now.
        current: Money,
    },
    /// The product or the variant is not sold.
    NotForSale {
        /// Which.
        sku: Sku,
    },
    /// The order was cancelled before its stock was held.
    OrderCancelled,
}

/// What was held for an order is free again, since nobody confirmed in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expired {
    /// Which order.
    pub order: OrderId,
}

/// A confirmation met a reservation that had expired: the order has no stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmRefused {
    /// Which order.
    pub order: OrderId,
}

channel::facts! {
    /// What is worth knowing about stock levels.
    pub enum StockEvent on topics::STOCK, keyed by variant {
        /// The available stock fell to its threshold or below.
        Low = "catalog.stock.low.v1",
    }
}

/// The available stock of a variant fell to its threshold or below. Said once per fall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Low {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Which variant.
    pub variant: VariantId,
    /// What is on hand and not held for anyone.
    pub available: i64,
    /// At what level this is said.
    pub threshold: i64,
}
