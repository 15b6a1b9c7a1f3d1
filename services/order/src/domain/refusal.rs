//! Why catalog refused an order, one reason per line that failed. Stored with the order and shown to the shopper.

use kernel::{Money, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// Catalog does not know the SKU.
    UnknownSku {
        /// The SKU.
        sku: Sku,
    },
    /// There is not enough left.
    OutOfStock {
        /// The SKU.
        sku: Sku,
        /// Units that the order wants.
        requested: Quantity,
        /// Units that were to be had, 0 or more.
        available: i64,
    },
    /// The price is another one now.
    PriceChanged {
        /// The SKU.
        sku: Sku,
        /// The unit price that the order carries.
        offered: Money,
        /// The unit price now.
        current: Money,
    },
    /// The product is not sold any more.
    NotForSale {
        /// The SKU.
        sku: Sku,
    },
    /// The order was called off before catalog came to reserve for it.
    OrderCancelled,
}
