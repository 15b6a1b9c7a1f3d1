//! Products and variants as columns of a statement. The rule: what is rarely there travels as one JSON object per row, which the
//! statement takes apart again (`product_details!`, `variant_details!`); everything else is an array of its own.

use contracts::catalog::Listing;
use diesel::sql_types::Jsonb;
use kernel::{CategoryId, ChannelCode, Money, PriceId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::attribute::Attributes;
use crate::domain::barcode::Barcode;
use crate::domain::locale::Translations;
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::media::Medium;
use crate::domain::options::OptionValues;
use crate::domain::product::{Product, ProductOption, Variant};
use crate::domain::reference::References;
use crate::domain::wording::{Brand, ShortDescription, Tag};
use crate::error::Error;

/// What the arrays of JSON objects are.
pub(super) type Details = Jsonb;

/// The members of a [`ProductDetails`] as columns, for `jsonb_to_record`. A column that is computed from a product (what it is
/// searched by, say) is one more member there, one more name here, and one in the lists of the INSERT and of the UPDATE.
macro_rules! product_details {
    () => {
        "d(brand text, short_description text, tags text[], category_ids uuid[], attributes jsonb, media jsonb,
           options jsonb, external_references jsonb, translations jsonb, for_sale boolean, channels text[],
           searched text, described text)"
    };
}
pub(super) use product_details;

/// The members of a [`VariantRow`] as columns, for `jsonb_to_record`.
macro_rules! variant_details {
    () => {
        "d(barcode text, option_values jsonb, weight_grams bigint, length_mm bigint, width_mm bigint, height_mm bigint,
           compare_at_minor bigint, cost_minor bigint, external_references jsonb, shop_price_minor bigint,
           change_id uuid, former jsonb, changed_at timestamptz)"
    };
}
pub(super) use variant_details;

/// The details of a product under the names of their columns.
#[derive(Serialize)]
struct ProductDetails<'p> {
    brand: Option<&'p Brand>,
    short_description: &'p ShortDescription,
    tags: Vec<&'p Tag>,
    category_ids: Vec<Uuid>,
    attributes: &'p Attributes,
    media: &'p [Medium],
    options: &'p [ProductOption],
    external_references: &'p References,
    translations: &'p Translations,
    /// Whether the shop shows it while it is active.
    for_sale: bool,
    /// The sales channels that it is sold in; null is every one.
    channels: &'p Listing,
    /// The words that the product is found by.
    searched: String,
    /// The words that it is found by as well.
    described: String,
}

impl<'p> ProductDetails<'p> {
    fn of(product: &'p Product) -> Self {
        let details = product.details();
        Self {
            brand: details.brand.as_ref(),
            short_description: &details.short_description,
            tags: details.tags.iter().collect(),
            category_ids: details.categories.iter().map(|category| category.uuid()).collect(),
            attributes: &details.attributes,
            media: &details.media,
            options: &details.options,
            external_references: &details.external_references,
            translations: &details.translations,
            for_sale: product.is_for_sale_in(&ChannelCode::shop()),
            channels: &details.channels,
            searched: product.searched_words(),
            described: product.described_words(),
        }
    }
}

/// The details of a variant under the names of their columns.
#[derive(Serialize)]
struct VariantRow<'p> {
    barcode: Option<&'p Barcode>,
    option_values: &'p OptionValues,
    weight_grams: Option<Grams>,
    length_mm: Option<Millimetres>,
    width_mm: Option<Millimetres>,
    height_mm: Option<Millimetres>,
    compare_at_minor: Option<i64>,
    cost_minor: Option<i64>,
    external_references: &'p References,
    /// What it costs in the shop, where that is not the base price.
    #[serde(skip_serializing_if = "Option::is_none")]
    shop_price_minor: Option<i64>,
    /// The entry of the history, where the base price was replaced.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    change: Option<BaseChangeRow>,
}

/// A base price that was replaced, under the names of the history's columns.
#[derive(Serialize)]
struct BaseChangeRow {
    change_id: Uuid,
    former: Money,
    changed_at: Timestamp,
}

impl<'p> VariantRow<'p> {
    fn of(product: &Product, variant: &'p Variant) -> Self {
        let (details, price) = (&variant.details, product.shop_price(variant));
        Self {
            shop_price_minor: (price != variant.price).then(|| price.minor()),
            change: variant.replaced.map(|former| BaseChangeRow {
                change_id: PriceId::new().uuid(),
                former,
                changed_at: product.updated_at(),
            }),
            barcode: details.barcode.as_ref(),
            option_values: &details.option_values,
            weight_grams: details.weight_grams,
            length_mm: details.length_mm,
            width_mm: details.width_mm,
            height_mm: details.height_mm,
            compare_at_minor: details.compare_at.map(Money::minor),
            cost_minor: details.cost.map(Money::minor),
            external_references: &details.external_references,
        }
    }
}

fn value(row: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(row).map_err(|cause| Error::corrupt("product", cause))
}

/// The columns of many products and of their variants, ready to be bound.
#[derive(Default)]
pub(super) struct Columns<'p> {
    pub(super) products: Vec<Uuid>,
    pub(super) slugs: Vec<&'p str>,
    pub(super) titles: Vec<&'p str>,
    pub(super) descriptions: Vec<&'p str>,
    pub(super) categories: Vec<Option<Uuid>>,
    pub(super) statuses: Vec<&'static str>,
    pub(super) prices_from: Vec<i64>,
    pub(super) currencies: Vec<&'static str>,
    pub(super) counts: Vec<i32>,
    pub(super) versions: Vec<i64>,
    pub(super) updated: Vec<Timestamp>,
    pub(super) details: Vec<Value>,
    pub(super) variants: VariantColumns<'p>,
}

#[derive(Default)]
pub(super) struct VariantColumns<'p> {
    pub(super) ids: Vec<Uuid>,
    pub(super) products: Vec<Uuid>,
    pub(super) positions: Vec<i32>,
    pub(super) skus: Vec<&'p str>,
    pub(super) titles: Vec<&'p str>,
    pub(super) prices: Vec<i64>,
    pub(super) currencies: Vec<&'static str>,
    pub(super) active: Vec<bool>,
    pub(super) details: Vec<Value>,
}

impl<'p> Columns<'p> {
    pub(super) fn of(products: &[&'p Product]) -> Result<Self, Error> {
        let mut columns = Self::default();
        for product in products {
            let price = product
                .price_from()
                .ok_or_else(|| Error::corrupt("product", format_args!("{} has no variant", product.id())))?;
            columns.products.push(product.id().uuid());
            columns.slugs.push(product.slug().as_str());
            columns.titles.push(product.title().as_str());
            columns.descriptions.push(product.description().as_str());
            columns.categories.push(product.category().map(CategoryId::uuid));
            columns.statuses.push(product.status().as_str());
            columns.prices_from.push(price.minor());
            columns.currencies.push(price.currency().code());
            columns.counts.push(i32::try_from(product.variants().len()).unwrap_or(i32::MAX));
            columns.versions.push(product.version());
            columns.updated.push(product.updated_at());
            columns.details.push(value(&ProductDetails::of(product))?);
            for (position, variant) in (0_i32..).zip(product.variants()) {
                columns.variants.push(product, position, variant)?;
            }
        }
        Ok(columns)
    }
}

impl<'p> VariantColumns<'p> {
    fn push(&mut self, product: &Product, position: i32, variant: &'p Variant) -> Result<(), Error> {
        self.ids.push(variant.id.uuid());
        self.products.push(product.id().uuid());
        self.positions.push(position);
        self.skus.push(variant.sku.as_str());
        self.titles.push(variant.title.as_str());
        self.prices.push(variant.price.minor());
        self.currencies.push(variant.price.currency().code());
        self.active.push(variant.active);
        self.details.push(value(&VariantRow::of(product, variant))?);
        Ok(())
    }
}
