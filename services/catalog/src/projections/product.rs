//! A whole product with its variants, read by one SELECT.
//! The rule: the columns stand once, in `select!`; a function adds its condition and nothing else. It takes a connection
//! and the organisation, because the write side has them from a `Tx` and the read side from a `ReadConn`.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Currency, Malformed, Money, OrganisationId, ProductId, Sku, Slug, Timestamp, VariantId};
use persistence::{AsyncPgConnection, statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::product::{Product, Variant};
use crate::domain::wording::{Description, Title};
use crate::error::Error;

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

/// The SELECT of a whole product of the organisation `$1`. Diesel cannot express the aggregated variants.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at,
                    p.updated_at,
                    (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title,
                               'minor', v.price_minor, 'currency', v.currency, 'active', v.active)
                             order by v.position), '[]')::text
                     from variants v where v.org_id = p.org_id and v.product_id = p.product_id) as variants
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
    type Error = Error;

    fn try_from(row: ProductRow) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("product", cause);
        let variants: Vec<VariantRow> =
            serde_json::from_str(&row.variants).map_err(|cause| Error::corrupt("product", cause))?;
        Ok(Product::stored(
            ProductId::from_uuid(row.product_id),
            Slug::parse(&row.slug).map_err(corrupt)?,
            Title::parse(&row.title).map_err(corrupt)?,
            Description::parse(&row.description).map_err(corrupt)?,
            row.category_id.map(CategoryId::from_uuid),
            kernel::parse_name("status", &row.status).map_err(corrupt)?,
            variants.into_iter().map(VariantRow::into_variant).collect::<Result<_, _>>().map_err(corrupt)?,
            row.version,
            row.created_at,
            row.updated_at,
        ))
    }
}
