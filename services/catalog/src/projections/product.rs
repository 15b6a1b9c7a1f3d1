//! A whole product with its variants, read by one SELECT.
//! The rule: the columns stand once, in `select!`; a function adds its condition and nothing else. It takes a connection
//! and the organisation, because the write side has them from a `Tx` and the read side from a `ReadConn`.

use std::collections::BTreeSet;

use contracts::catalog::Listing;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Currency, Malformed, Money, OrganisationId, ProductId, Sku, Slug, Timestamp, VariantId};
use persistence::{AsyncPgConnection, statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::attribute::Attributes;
use crate::domain::barcode::Barcode;
use crate::domain::locale::Translations;
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::media::Medium;
use crate::domain::options::OptionValues;
use crate::domain::price::PriceWindow;
use crate::domain::product::{Details, Product, ProductOption, StoredProduct, Variant, VariantDetails};
use crate::domain::reference::References;
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};
use crate::error::Error;
use crate::projections::price::open_windows;

#[derive(QueryableByName)]
struct ProductRow {
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    category_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
    /// A JSON object, `DetailsRow`.
    #[diesel(sql_type = Text)]
    details: String,
    /// A JSON array of `VariantRow`, in the seller's order.
    #[diesel(sql_type = Text)]
    variants: String,
    /// As `open_windows!` writes them.
    #[diesel(sql_type = Nullable<Text>)]
    windows: Option<String>,
}

#[derive(Deserialize)]
struct VariantRow {
    id: Uuid,
    sku: Sku,
    title: Title,
    minor: i64,
    currency: String,
    active: bool,
    barcode: Option<Barcode>,
    option_values: OptionValues,
    weight_grams: Option<Grams>,
    length_mm: Option<Millimetres>,
    width_mm: Option<Millimetres>,
    height_mm: Option<Millimetres>,
    compare_at: Option<i64>,
    cost: Option<i64>,
    external_references: References,
}

#[derive(Deserialize)]
struct DetailsRow {
    brand: Option<Brand>,
    short_description: ShortDescription,
    categories: Vec<Uuid>,
    tags: BTreeSet<Tag>,
    attributes: Attributes,
    media: Vec<Medium>,
    options: Vec<ProductOption>,
    external_references: References,
    translations: Translations,
    channels: Listing,
}

/// The SELECT of a whole product of the organisation `$1`. Diesel cannot express the aggregated variants.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at,
                    p.updated_at,
                    json_build_object('brand', p.brand, 'short_description', p.short_description,
                      'categories', p.category_ids, 'tags', p.tags, 'attributes', p.attributes, 'media', p.media,
                      'options', p.options, 'external_references', p.external_references,
                      'translations', p.translations, 'channels', nullif(p.channels, '{*}'))::text as details,
                    (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title,
                               'minor', v.price_minor, 'currency', v.currency, 'active', v.active, 'barcode', v.barcode,
                               'option_values', v.option_values, 'weight_grams', v.weight_grams,
                               'length_mm', v.length_mm, 'width_mm', v.width_mm, 'height_mm', v.height_mm,
                               'compare_at', v.compare_at_minor, 'cost', v.cost_minor,
                               'external_references', v.external_references)
                             order by v.position), '[]')::text
                     from variants v where v.org_id = p.org_id and v.product_id = p.product_id) as variants, ",
            open_windows!("w.org_id = p.org_id and w.product_id = p.product_id"),
            " as windows
             from products p where p.org_id = $1 and ",
            $condition
        )
    };
}

/// The product with this id, whatever its status.
///
/// # Errors
/// [`Error::ProductNotFound`] when the organisation has none.
pub(crate) async fn by_id(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
    product: ProductId,
) -> Result<Product, Error> {
    let rows: Vec<ProductRow> = statement(select!("p.product_id = $2"))
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<SqlUuid, _>(product.uuid())
        .load(&mut connection)
        .await?;
    rows.into_iter().next().ok_or(Error::ProductNotFound { product })?.try_into()
}

/// The products with these ids.
pub(crate) async fn with_ids(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
    ids: &[Uuid],
) -> Result<Vec<Product>, Error> {
    let rows: Vec<ProductRow> = statement(select!("p.product_id = any($2)"))
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<Array<SqlUuid>, _>(ids)
        .load(&mut connection)
        .await?;
    rows.into_iter().map(Product::try_from).collect()
}

/// The products that have one of the slugs.
pub(crate) async fn with_slugs(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
    slugs: &[&str],
) -> Result<Vec<Product>, Error> {
    let rows: Vec<ProductRow> = statement(select!("p.slug = any($2)"))
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<Array<Text>, _>(slugs)
        .load(&mut connection)
        .await?;
    rows.into_iter().map(Product::try_from).collect()
}

impl VariantRow {
    fn into_variant(self, windows: Vec<PriceWindow>) -> Result<Variant, Malformed> {
        let currency = Currency::parse(&self.currency)?;
        let amount = |minor: Option<i64>| minor.map(|minor| Money::from_minor(minor, currency)).transpose();
        Ok(Variant {
            id: VariantId::from_uuid(self.id),
            sku: self.sku,
            title: self.title,
            price: Money::from_minor(self.minor, currency)?,
            active: self.active,
            windows,
            replaced: None,
            details: VariantDetails {
                barcode: self.barcode,
                option_values: self.option_values,
                compare_at: amount(self.compare_at)?,
                cost: amount(self.cost)?,
                weight_grams: self.weight_grams,
                length_mm: self.length_mm,
                width_mm: self.width_mm,
                height_mm: self.height_mm,
                external_references: self.external_references,
            },
        })
    }
}

impl From<DetailsRow> for Details {
    fn from(row: DetailsRow) -> Self {
        Self {
            brand: row.brand,
            short_description: row.short_description,
            categories: row.categories.into_iter().map(CategoryId::from_uuid).collect(),
            tags: row.tags,
            attributes: row.attributes,
            media: row.media,
            options: row.options,
            external_references: row.external_references,
            translations: row.translations,
            channels: row.channels,
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = Error;

    fn try_from(row: ProductRow) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("product", cause);
        let variants: Vec<VariantRow> =
            serde_json::from_str(&row.variants).map_err(|cause| Error::corrupt("product", cause))?;
        let mut windows = super::price::windows(row.windows.as_deref())?;
        let variants = variants.into_iter().map(|variant| {
            let windows = windows.remove(&variant.id).unwrap_or_default();
            variant.into_variant(windows)
        });
        let details: DetailsRow =
            serde_json::from_str(&row.details).map_err(|cause| Error::corrupt("product", cause))?;
        Ok(Product::stored(StoredProduct {
            id: ProductId::from_uuid(row.product_id),
            slug: Slug::parse(&row.slug).map_err(corrupt)?,
            title: Title::parse(&row.title).map_err(corrupt)?,
            description: Description::parse(&row.description).map_err(corrupt)?,
            category: row.category_id.map(CategoryId::from_uuid),
            status: kernel::parse_name("status", &row.status).map_err(corrupt)?,
            details: details.into(),
            variants: variants.collect::<Result<_, _>>().map_err(corrupt)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }))
    }
}
