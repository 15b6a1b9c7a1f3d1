//! A product as this service knows it: what catalog published last, reduced to what placing an order needs.
//! The rule: a lower version never replaces a higher one.

use std::collections::BTreeMap;

use contracts::catalog::Listing;
use kernel::{ChannelCode, Money, OrganisationId, ProductId, Sku, VariantId};
use serde::{Deserialize, Serialize};

/// One published state of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The product's identity.
    pub id: ProductId,
    /// Its version in catalog.
    pub version: i64,
    /// The product's title; empty when it is removed.
    pub title: String,
    /// Catalog removed it: nothing of it is left but its version.
    pub removed: bool,
    /// The sales channels that it is sold in.
    pub listing: Listing,
    /// Its variants; empty when it is removed.
    pub variants: Vec<Variant>,
}

/// One variant of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The variant's identity.
    pub id: VariantId,
    /// What shoppers order it by.
    pub sku: Sku,
    /// The variant's own title, shown after the product's; may be empty.
    pub title: String,
    /// The price of one in the organisation's own shop.
    pub price: Money,
    /// The price of one in other channels.
    pub other_prices: OtherPrices,
    /// What one costs the seller, where that is known.
    pub cost: Option<Money>,
    /// Whether it can be ordered: the product is active and so is the variant.
    pub for_sale: bool,
}

impl Variant {
    /// What one costs the seller in minor units, where that is known in the currency that it is sold in.
    #[must_use]
    pub fn known_cost(&self) -> Option<i64> {
        self.cost.filter(|cost| cost.currency() == self.price.currency()).map(Money::minor)
    }
}

/// What one of a variant costs in other sales channels than the organisation's own shop, as catalog said it. It is also the JSON of the
/// row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherPrices {
    /// In the channels that have a price of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<ChannelCode, Money>,
    /// In all others; nothing where it is the price in the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Money>,
}

/// One SKU as it is sold now: a variant together with its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What shoppers order it by.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The version of the product that title and price are of.
    pub product_version: i64,
    /// The product's title.
    pub title: String,
    /// The variant's own title; may be empty.
    pub variant_title: String,
    /// The price of one in the organisation's own shop.
    pub price: Money,
    /// The price of one in other channels.
    pub other_prices: OtherPrices,
    /// What one costs the seller, where that is known.
    pub cost: Option<Money>,
    /// Whether it can be ordered.
    pub for_sale: bool,
    /// The sales channels that it can be ordered in.
    pub listing: Listing,
}

impl Offer {
    /// The price of one in a sales channel.
    #[must_use]
    pub fn price_in(&self, channel: &ChannelCode) -> Money {
        if *channel == ChannelCode::shop() {
            return self.price;
        }
        let OtherPrices { channels, elsewhere } = &self.other_prices;
        channels.get(channel).copied().or(*elsewhere).unwrap_or(self.price)
    }
}
