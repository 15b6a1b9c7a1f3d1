//! A line of an order. The rule: it holds what was true when the order was placed, whatever catalog changes afterwards.

use contracts::order::Pieces;
use kernel::{Money, ProductId, Quantity, Sku, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{amounts::LinePrice, product::Offer};

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
    /// Where its pieces are; absent in what an older release answered.
    #[serde(default)]
    pub pieces: Pieces,
    /// What one piece costs the seller, where that is known. No shopper sees it.
    #[serde(skip)]
    pub cost: Option<Money>,
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
            pieces: Pieces { ordered: quantity.get(), ..Pieces::default() },
            cost: offer.cost,
        }
    }

    /// What it comes to when it is placed: what the shop sells has no discount, tax or shipping beside its price.
    #[must_use]
    pub fn price(&self) -> LinePrice {
        let cost = self.cost.filter(|cost| cost.currency() == self.unit_price.currency()).map(Money::minor);
        LinePrice { unit: self.unit_price.minor(), discount: 0, tax: 0, shipping: 0, cost }
    }
}
