//! What catalog publishes: products as state, its answers to orders and its warnings about stock as facts.

use std::collections::BTreeMap;

use kernel::{
    CategoryId, ChannelCode, Day, ImportId, Money, OrderId, ProductId, Quantity, Sku, Slug, Timestamp, VariantId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

pub use crate::listing::Listing;
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
    /// Its primary category, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// All its categories, the primary one first. Publishers before this member say nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryId>,
    /// The way from the root to the primary category, both included, as it was when this was published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category_path: Vec<CategoryId>,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// A sentence or two about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// All about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by: lower case, sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The values of its attributes, by the attribute's code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Links to its pictures and other media, in the seller's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Medium>,
    /// What its variants differ in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ProductOption>,
    /// Its name in other systems, by the system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_references: BTreeMap<String, String>,
    /// Its texts in other languages than that of the shop, by locale (`vi`, `pt-BR`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, Translation>,
    /// A digest of everything about it that people read. It differs when a word differs, and stays when only prices,
    /// categories, links, references or the status do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_digest: Option<String>,
    /// The sales channels that it is sold in; every one where this is null or left out, none where the list is empty.
    #[serde(default, skip_serializing_if = "Listing::is_everywhere")]
    pub channels: Listing,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// Whether it was deleted: the last state of this product, without variants.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The variants that it is sold in.
    pub variants: Vec<VariantState>,
    /// Rises by one with each change; an order's line names the version that its price comes from.
    pub version: i64,
}

impl ProductState {
    /// A product with what every product has and nothing else.
    #[must_use]
    pub fn new(product: ProductId, slug: Slug, title: String, status: ProductStatus, version: i64) -> Self {
        Self {
            product,
            title,
            slug,
            category: None,
            categories: Vec::new(),
            category_path: Vec::new(),
            brand: None,
            short_description: None,
            description: None,
            tags: Vec::new(),
            attributes: BTreeMap::new(),
            media: Vec::new(),
            options: Vec::new(),
            external_references: BTreeMap::new(),
            translations: BTreeMap::new(),
            text_digest: None,
            channels: Listing::default(),
            status,
            deleted: false,
            variants: Vec::new(),
            version,
        }
    }
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

/// The value of an attribute, as plain JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Boolean(bool),
    /// A number, in the unit that the attribute's definition states.
    Number(serde_json::Number),
    /// A text, a date (`YYYY-MM-DD`) or one choice.
    Text(String),
    /// Several choices.
    Choices(Vec<String>),
}

/// What a medium is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
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
pub enum MediumKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Something to read: a manual, a data sheet.
    Document,
}

/// A link to a picture, a film or a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Medium {
    /// Where it is.
    pub url: String,
    /// What it is.
    pub kind: MediumKind,
    /// What it shows, for those who do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

/// What variants of a product differ in: size, colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductOption {
    /// Its name for people.
    pub name: String,
    /// What it can be, in the seller's order.
    pub values: Vec<String>,
}

/// The texts of a product in one language. What is absent is shown in the language of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Translation {
    /// The product's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A sentence or two about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// All about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a variant costs in one sales channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelPrice {
    /// The sales channel.
    pub channel: ChannelCode,
    /// The price of one piece.
    pub price: Money,
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
    /// The price of one piece in the organisation's own shop, from when this was published until the next state.
    pub price: Money,
    /// The price in each other sales channel that has one of its own at present, in the order of their codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_prices: Vec<ChannelPrice>,
    /// The price in every sales channel that is neither the shop nor named in `channel_prices`, where it is not `price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_elsewhere: Option<Money>,
    /// What one piece cost before, or elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<Money>,
    /// What one piece costs the seller. Not for shoppers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Its GTIN: 8, 12, 13 or 14 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// What it is in each of its product's options, by the option's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub option_values: BTreeMap<String, String>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_grams: Option<i64>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_mm: Option<i64>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_mm: Option<i64>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_mm: Option<i64>,
    /// Its name in other systems, by the system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_references: BTreeMap<String, String>,
    /// Whether it is sold while its product is.
    pub active: bool,
}

impl VariantState {
    /// A variant that is sold, with what every variant has and nothing else.
    #[must_use]
    pub fn new(variant: VariantId, sku: Sku, title: String, price: Money) -> Self {
        Self {
            variant,
            sku,
            title,
            price,
            channel_prices: Vec::new(),
            price_elsewhere: None,
            compare_at: None,
            cost: None,
            barcode: None,
            option_values: BTreeMap::new(),
            weight_grams: None,
            length_mm: None,
            width_mm: None,
            height_mm: None,
            external_references: BTreeMap::new(),
            active: true,
        }
    }
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
        /// What was to be added to a confirmed order is held, too.
        Extended = "catalog.reservation.extended.v1",
        /// Nothing of it is held; what the order had stays as it is.
        ExtensionRefused = "catalog.reservation.extension-refused.v1",
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
    /// Which places serve them, by the organisation's rule; less than `quantity` where pieces are promised that are not there yet.
    /// Nothing when all of the order's are at the default location, and with publishers before this member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serving: Vec<ServedFrom>,
    /// Those of the pieces that are promised although they cannot be had: the order was sold elsewhere. Absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oversold: Option<Quantity>,
}

/// Pieces that a place gives to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServedFrom {
    /// The location's code; `default` is the one that has what no other has.
    pub location: Slug,
    /// How many it gives.
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
    /// The product is sold, and not in the sales channel of the order.
    NotInChannel {
        /// The SKU.
        sku: Sku,
    },
    /// The order was cancelled before its stock was held, or before something was added to it.
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

/// All pieces of an addition to a confirmed order are held with those that the order had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extended {
    /// The order.
    pub order: OrderId,
    /// Which addition of the order it is.
    pub number: i64,
    /// The pieces that are held for it, without those that the order had before.
    pub lines: Vec<ReservedLine>,
}

/// Nothing of an addition to an order is held. What the order had stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExtensionRefused {
    /// The order.
    pub order: OrderId,
    /// Which addition of the order it is.
    pub number: i64,
    /// Every reason against it; that the order was cancelled, where it has no stock held any more.
    pub reasons: Vec<Reason>,
}

channel::facts! {
    /// Warnings about stock levels.
    pub enum StockEvent on topics::STOCK, keyed by variant {
        /// The available stock got to its threshold or below.
        Low = "catalog.stock.low.v1",
    }
}

channel::facts! {
    /// Imports of products from a file.
    pub enum ImportEvent on topics::IMPORT, keyed by import {
        /// One has ended.
        Finished = "catalog.import.finished.v1",
    }
}

/// An import of products has ended. One whose process was killed says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The import.
    pub import: ImportId,
    /// Rows that were read.
    pub rows: u64,
    /// Products that were created.
    pub created: u64,
    /// Products that were changed.
    pub updated: u64,
    /// Products that were as the file says.
    pub unchanged: u64,
    /// Rows that were refused. Why stands in the answer to whoever sent the file.
    pub failed: u64,
    /// Why it ended before the file did; absent where it read all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
}

/// The available stock of a variant is at its threshold or below. Published each time that it gets there: pieces went, the
/// threshold or the safety stock rose, a threshold was set for the first time, or the SKU began there with a threshold above 0.
/// And each time that the last piece goes, also of a stock that was low before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Low {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// The pieces on hand that nobody was promised, less the safety stock. Negative when more was promised.
    pub available: i64,
    /// The level at or below which this is published.
    pub threshold: i64,
    /// Whether none is left. Publishers before this member say nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub depleted: bool,
}

/// What can be sold of a variant as far as its stock goes; whether it is for sale at all says its product. Published within a second
/// of a change, a few times a second at most: of a rush on a variant the last state is certain to come, not each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AvailabilityState {
    /// The variant.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// The seller's name of it.
    pub sku: Sku,
    /// What shoppers are told.
    pub availability: Availability,
    /// The pieces that an order may still have, backorders included; 1000000000 stands for any number.
    pub sellable: i64,
    /// The pieces on hand that nobody was promised, less the safety stock. Negative when more was promised.
    pub available: i64,
    /// The pieces in the house.
    pub on_hand: i64,
    /// The pieces of them that are kept back.
    pub safety_stock: i64,
    /// What may be sold beyond what is there.
    pub backorder: Backorder,
    /// Where the pieces in the house are: each location that has some, the default one, which has what no other has, in front.
    /// Together they are `on_hand`, but with publishers before this member, who say nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationLevel>,
    /// The version of the stock: it rises with each record, by more than one where changes came together.
    pub version: i64,
}

/// What a location has of a variant. Orders take from the sum; each is to have its pieces from a place that is chosen afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocationLevel {
    /// The location's code; `default` is the one that has what no other has.
    pub location: Slug,
    /// Its pieces; more than 0.
    pub on_hand: i64,
    /// Pieces that orders are to have from it, which may be more than it has; with publishers before this member, 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub promised: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(pieces: &i64) -> bool {
    *pieces == 0
}

channel::state!(AvailabilityState on topics::AVAILABILITY, keyed by variant, "catalog.availability.state.v1");

/// What shoppers are told of a stock.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Availability {
    /// There is more than the low threshold.
    InStock,
    /// There is some, not more than the low threshold.
    FewLeft,
    /// There is none, and it is sold nevertheless.
    Backorder,
    /// It cannot be sold.
    SoldOut,
}

/// What may be sold beyond what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum Backorder {
    /// Nothing.
    #[default]
    No,
    /// So many pieces.
    UpTo {
        /// The most pieces that are owed at a time.
        pieces: i64,
        /// The day by which they are there, where one is promised.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        promised_on: Option<Day>,
    },
    /// Any number.
    Unlimited {
        /// The day by which they are there.
        promised_on: Day,
    },
}
