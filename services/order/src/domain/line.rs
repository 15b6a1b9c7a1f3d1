//! A line of an order. The rule: it holds what was true when the order was placed, whatever catalog changes afterwards.

use kernel::{Money, ProductId, Quantity, Sku, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product::Offer;

/// One line, with the price and the version of the product at the time of placing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The SKU.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The product's version that title and price are of.
    pub product_version: i64,
    /// What the product was called.
    pub title: String,
    /// What the variant was called; may be empty.
    pub variant_title: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub amount: Money,
}

impl Line {
    /// A line of this offer; `amount` is the offer's price times `quantity`.
    #[must_use]
    pub fn of(offer: &Offer, quantity: Quantity, amount: Money) -> Self {
        Self {
            sku: offer.sku.clone(),
            product: offer.product,
            variant: offer.variant,
            product_version: offer.product_version,
            title: offer.title.clone(),
            variant_title: offer.variant_title.clone(),
            quantity,
            unit_price: offer.price,
            amount,
        }
    }
}
