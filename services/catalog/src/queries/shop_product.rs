//! One product as the public shop shows it: active, listed in the shop, with the variants that are sold, of which there is one at least.
//! Mostly answered from the cache.

use std::collections::{BTreeMap, BTreeSet};

use access::Permission;
use contracts::catalog::{Availability, ProductStatus};
use kernel::{CategoryId, ChannelCode, Day, Money, ProductId, Sku, Slug, VariantId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::attribute::Attributes;
use crate::domain::availability::Stock;
use crate::domain::barcode::Barcode;
use crate::domain::locale::Locale;
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::media::Medium;
use crate::domain::options::OptionValues;
use crate::domain::product::{Product, ProductOption, Variant};
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};
use crate::error::Error;
use crate::projections;

/// Asks for one product of the shop.
#[derive(Debug, Clone)]
pub struct FindShopProduct {
    /// The product.
    pub product: ProductId,
    /// The language of its texts; their own when there is none, and for each text that the language lacks.
    pub locale: Option<Locale>,
}

/// A product as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopProduct {
    id: ProductId,
    slug: Slug,
    title: Title,
    brand: Option<Brand>,
    short_description: ShortDescription,
    description: Description,
    /// The primary one of its categories.
    category: Option<CategoryId>,
    /// All its categories, the primary one first.
    categories: Vec<CategoryId>,
    tags: BTreeSet<Tag>,
    /// The values of its attributes, by the attribute's code.
    attributes: Attributes,
    /// Links to its pictures and other media, in the seller's order.
    media: Vec<Medium>,
    /// What its variants differ in.
    options: Vec<ProductOption>,
    /// The languages that it has texts in besides its own: what `locale` can ask for.
    locales: Vec<Locale>,
    /// Those that are sold, in the seller's order.
    variants: Vec<ShopVariant>,
    /// Rises with every change of the product. What can be had of it changes without that.
    version: i64,
}

/// A variant as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopVariant {
    id: VariantId,
    sku: Sku,
    title: Title,
    price: Money,
    /// Whether it can be had.
    availability: Availability,
    /// By when it is there, where it is sold before that.
    promised_on: Option<Day>,
    /// What one piece cost before, or elsewhere.
    compare_at: Option<Money>,
    /// Its GTIN.
    barcode: Option<Barcode>,
    /// Its value of each of the product's options.
    option_values: OptionValues,
    /// What one piece weighs, packed.
    weight_grams: Option<Grams>,
    /// How long one piece is, packed.
    length_mm: Option<Millimetres>,
    /// How wide one piece is, packed.
    width_mm: Option<Millimetres>,
    /// How high one piece is, packed.
    height_mm: Option<Millimetres>,
}

impl Query for FindShopProduct {
    const NAME: &'static str = "catalog.find-shop-product";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopProduct;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopProduct, Error> {
        let organisation = read.organisation();
        let product = projections::product::by_id(read.connection(), organisation, self.product).await?;
        if product.status() == ProductStatus::Active && product.is_for_sale_in(&ChannelCode::shop()) {
            let variants = product.variants().iter().map(|variant| variant.id);
            let stock = projections::stock::of_variants(read.connection(), organisation, variants).await?;
            Ok(ShopProduct::of(&product, self.locale.as_ref(), &stock))
        } else {
            Err(Error::ProductNotFound { product: self.product })
        }
    }
}

impl ShopProduct {
    fn of(product: &Product, locale: Option<&Locale>, stock: &BTreeMap<VariantId, Stock>) -> Self {
        let details = product.details();
        let known = locale.and_then(|locale| locale.closest(details.translations.keys()));
        let texts = known.and_then(|locale| details.translations.get(locale)).cloned().unwrap_or_default();
        Self {
            id: product.id(),
            slug: product.slug().clone(),
            title: texts.title.unwrap_or_else(|| product.title().clone()),
            brand: details.brand.clone(),
            short_description: texts.short_description.unwrap_or_else(|| details.short_description.clone()),
            description: texts.description.unwrap_or_else(|| product.description().clone()),
            category: product.category(),
            categories: details.categories.clone(),
            tags: details.tags.clone(),
            attributes: details.attributes.clone(),
            media: details.media.clone(),
            options: details.options.clone(),
            locales: details.translations.keys().cloned().collect(),
            variants: product
                .variants()
                .iter()
                .filter(|variant| variant.active)
                .map(|variant| ShopVariant::of(variant, product.shop_price(variant), stock.get(&variant.id)))
                .collect(),
            version: product.version(),
        }
    }
}

impl ShopVariant {
    fn of(variant: &Variant, price: Money, stock: Option<&Stock>) -> Self {
        let details = variant.details.clone();
        Self {
            id: variant.id,
            sku: variant.sku.clone(),
            title: variant.title.clone(),
            price,
            availability: stock.map_or(Availability::SoldOut, Stock::availability),
            promised_on: stock.and_then(Stock::promised_on),
            compare_at: details.compare_at,
            barcode: details.barcode,
            option_values: details.option_values,
            weight_grams: details.weight_grams,
            length_mm: details.length_mm,
            width_mm: details.width_mm,
            height_mm: details.height_mm,
        }
    }
}
