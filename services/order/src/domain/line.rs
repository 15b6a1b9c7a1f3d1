//! A line of an order. The rule: it holds what was true when the order was placed, whatever catalog changes afterwards.

use contracts::order::Pieces;
use kernel::{Money, ProductId, Quantity, Sku, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{amounts::LinePrice, product::Offer};

/// Who said what one piece costs.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PriceSource {
    /// The catalog.
    #[default]
    Catalog,
    /// Staff, for this order.
    Staff,
    /// The channel where it was sold.
    Channel,
}

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
    /// Who said that price; absent in what an older release answered, where the catalog did.
    #[serde(default)]
    pub price_source: PriceSource,
    /// The price of all, before anything is taken off.
    pub amount: Money,
    /// What is taken off, with its share of what is taken off the order; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// Tax beyond the price, with its share of the order's; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// Its share of what shipping costs; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Where its pieces are; absent in what an older release answered.
    #[serde(default)]
    pub pieces: Pieces,
    /// What one piece costs the seller, where that is known. No shopper sees it.
    #[serde(skip)]
    pub cost: Option<Money>,
}

impl Line {
    /// A line of this offer, at the catalog's price; `amount` is the price times `quantity`. Nothing is taken off or added.
    #[must_use]
    pub fn of(offer: &Offer, quantity: Quantity, unit_price: Money, amount: Money) -> Self {
        Self {
            sku: offer.sku.clone(),
            product: offer.product,
            variant: offer.variant,
            product_version: offer.product_version,
            title: offer.title.clone(),
            variant_title: offer.variant_title.clone(),
            quantity,
            unit_price,
            price_source: PriceSource::Catalog,
            amount,
            discount: None,
            tax: None,
            shipping: None,
            pieces: Pieces { ordered: quantity.get(), ..Pieces::default() },
            cost: offer.cost,
        }
    }

    /// The line with so much taken off and added, in minor units. `None` where one of them is negative.
    #[must_use]
    pub fn charged(self, discount: i64, tax: i64, shipping: i64) -> Option<Self> {
        let currency = self.unit_price.currency();
        let stated = |minor: i64| Money::from_minor(minor, currency).map(|money| (minor > 0).then_some(money)).ok();
        Some(Self { discount: stated(discount)?, tax: stated(tax)?, shipping: stated(shipping)?, ..self })
    }

    /// What it comes to.
    #[must_use]
    pub fn price(&self) -> LinePrice {
        let cost = self.cost.filter(|cost| cost.currency() == self.unit_price.currency()).map(Money::minor);
        let minor = |amount: Option<Money>| amount.map_or(0, Money::minor);
        LinePrice {
            unit: self.unit_price.minor(),
            discount: minor(self.discount),
            tax: minor(self.tax),
            shipping: minor(self.shipping),
            cost,
        }
    }

    /// What is due for all of it, in minor units, where that can be counted.
    #[must_use]
    pub fn net(&self) -> Option<i64> {
        let LinePrice { discount, tax, shipping, .. } = self.price();
        (self.amount.minor() - discount).checked_add(tax)?.checked_add(shipping)
    }
}
