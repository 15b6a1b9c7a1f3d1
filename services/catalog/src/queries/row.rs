//! A whole product as one SELECT reads it.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use kernel::{CategoryId, Currency, Malformed, Money, ProductId, Sku, Slug, Timestamp, VariantId};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::product::{Product, ProductStatus, Variant};
use crate::domain::wording::{Description, Title};
use crate::error::CatalogError;

#[derive(QueryableByName)]
pub(super) struct ProductRow {
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
    /// A JSON array of `VariantRow`, in the seller's order.
    #[diesel(sql_type = Text)]
    variants: String,
}

#[derive(Deserialize)]
struct VariantRow {
    id: Uuid,
    sku: Sku,
    title: Title,
    minor: i64,
    currency: String,
    active: bool,
}

impl VariantRow {
    fn into_variant(self) -> Result<Variant, Malformed> {
        Ok(Variant {
            id: VariantId::from_uuid(self.id),
            sku: self.sku,
            title: self.title,
            price: Money::from_minor(self.minor, Currency::parse(&self.currency)?)?,
            active: self.active,
        })
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = CatalogError;

    fn try_from(row: ProductRow) -> Result<Self, CatalogError> {
        let corrupt = |reason: String| CatalogError::Corrupt { what: "product", reason };
        let text = |cause: Malformed| corrupt(cause.to_string());
        let variants: Vec<VariantRow> =
            serde_json::from_str(&row.variants).map_err(|cause| corrupt(cause.to_string()))?;
        Ok(Product::restore(
            ProductId::from_uuid(row.product_id),
            Slug::parse(&row.slug).map_err(text)?,
            Title::parse(&row.title).map_err(text)?,
            Description::parse(&row.description).map_err(text)?,
            row.category_id.map(CategoryId::from_uuid),
            ProductStatus::parse(&row.status).ok_or_else(|| corrupt(format!("status {}", row.status)))?,
            variants.into_iter().map(VariantRow::into_variant).collect::<Result<_, _>>().map_err(text)?,
            row.version,
            row.created_at,
            row.updated_at,
        ))
    }
}
