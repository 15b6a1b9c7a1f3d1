//! Products and their variants: loaded whole, written in a fixed number of statements however many there are.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Currency, Money, OrganisationId, ProductId, Sku, Slug, Timestamp, VariantId};
use persistence::{AsyncPgConnection, statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::import::Owner;
use crate::domain::product::{Product, ProductStatus, Variant};
use crate::domain::wording::{Description, Title};
use crate::error::CatalogError;

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
    #[diesel(sql_type = Text)]
    variants: String,
}

#[derive(Deserialize)]
struct VariantRow {
    id: Uuid,
    sku: String,
    title: String,
    minor: i64,
    currency: String,
    active: bool,
}

impl ProductRow {
    fn into_product(self) -> Result<Product, CatalogError> {
        let corrupt = |reason: String| CatalogError::Corrupt { what: "product", reason };
        let text = |cause: kernel::Malformed| corrupt(cause.to_string());
        let rows: Vec<VariantRow> = serde_json::from_str(&self.variants).map_err(|cause| corrupt(cause.to_string()))?;
        let mut variants = Vec::with_capacity(rows.len());
        for row in rows {
            let currency = Currency::parse(&row.currency).map_err(text)?;
            variants.push(Variant {
                id: VariantId::from_uuid(row.id),
                sku: Sku::parse(&row.sku).map_err(text)?,
                title: Title::parse(&row.title).map_err(text)?,
                price: Money::from_minor(row.minor, currency).map_err(text)?,
                active: row.active,
            });
        }
        Ok(Product::restore(
            ProductId::from_uuid(self.product_id),
            Slug::parse(&self.slug).map_err(text)?,
            Title::parse(&self.title).map_err(text)?,
            Description::parse(&self.description).map_err(text)?,
            self.category_id.map(CategoryId::from_uuid),
            ProductStatus::parse(&self.status).ok_or_else(|| corrupt(format!("status {}", self.status)))?,
            variants,
            self.version,
            self.created_at,
            self.updated_at,
        ))
    }
}

/// Locks a product and loads it. The lock comes first: a SELECT that waits for a row sees that row as it is, but the
/// variants as they were.
pub(crate) async fn lock(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    product: ProductId,
) -> Result<Product, CatalogError> {
    if lock_versions(connection, organisation, &[product]).await?.is_empty() {
        return Err(CatalogError::ProductNotFound { product });
    }
    let rows: Vec<ProductRow> = statement(
        "select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at,
                p.updated_at,
                (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title,
                           'minor', v.price_minor, 'currency', v.currency, 'active', v.active)
                         order by v.position), '[]')::text
                 from variants v where v.org_id = p.org_id and v.product_id = p.product_id) as variants
         from products p where p.org_id = $1 and p.product_id = $2",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(product.uuid())
    .load(connection)
    .await?;
    match rows.into_iter().next() {
        Some(row) => row.into_product(),
        None => Err(CatalogError::ProductNotFound { product }),
    }
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// Locks products in the order of their ids and tells their versions.
pub(crate) async fn lock_versions(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    products: &[ProductId],
) -> Result<HashMap<ProductId, i64>, CatalogError> {
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<VersionRow> = statement(
        "select product_id, version from products
         where org_id = $1 and product_id = any($2) order by product_id for update",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.uuid()).collect::<Vec<_>>())
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (ProductId::from_uuid(row.product_id), row.version)).collect())
}

/// The products that have one of the slugs, without a lock; who writes one locks it and compares versions.
pub(crate) async fn with_slugs(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    slugs: &[&str],
) -> Result<HashMap<Slug, Product>, CatalogError> {
    let rows: Vec<ProductRow> = statement(
        "select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at,
                p.updated_at,
                (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title,
                           'minor', v.price_minor, 'currency', v.currency, 'active', v.active)
                         order by v.position), '[]')::text
                 from variants v where v.org_id = p.org_id and v.product_id = p.product_id) as variants
         from products p where p.org_id = $1 and p.slug = any($2)",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<Text>, _>(slugs)
    .load(connection)
    .await?;
    let mut products = HashMap::with_capacity(rows.len());
    for row in rows {
        let product = row.into_product()?;
        products.insert(product.slug().clone(), product);
    }
    Ok(products)
}

#[derive(QueryableByName)]
struct OwnerRow {
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    promised: i64,
}

/// The owners of those SKUs that have one.
pub(crate) async fn owners(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    skus: &[&str],
) -> Result<HashMap<String, Owner>, CatalogError> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<OwnerRow> = statement(
        "select v.sku, v.product_id, p.slug, s.on_hand, s.reserved + s.held as promised
         from variants v
         join products p on p.org_id = v.org_id and p.product_id = v.product_id
         join stock s on s.org_id = v.org_id and s.variant_id = v.variant_id
         where v.org_id = $1 and v.sku = any($2)",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<Text>, _>(skus)
    .load(connection)
    .await?;
    let owner = |row: OwnerRow| {
        let product = ProductId::from_uuid(row.product_id);
        (row.sku, Owner { product, slug: row.slug, on_hand: row.on_hand, promised: row.promised })
    };
    Ok(rows.into_iter().map(owner).collect())
}

/// The columns of many products and of their variants, ready to be bound.
#[derive(Default)]
struct Columns<'p> {
    products: Vec<Uuid>,
    slugs: Vec<&'p str>,
    titles: Vec<&'p str>,
    descriptions: Vec<&'p str>,
    categories: Vec<Option<Uuid>>,
    statuses: Vec<&'static str>,
    prices_from: Vec<i64>,
    currencies: Vec<&'static str>,
    counts: Vec<i32>,
    versions: Vec<i64>,
    updated: Vec<Timestamp>,
    variants: VariantColumns<'p>,
}

#[derive(Default)]
struct VariantColumns<'p> {
    ids: Vec<Uuid>,
    products: Vec<Uuid>,
    positions: Vec<i32>,
    skus: Vec<&'p str>,
    titles: Vec<&'p str>,
    prices: Vec<i64>,
    currencies: Vec<&'static str>,
    active: Vec<bool>,
}

impl<'p> Columns<'p> {
    fn of(products: &[&'p Product]) -> Result<Self, CatalogError> {
        let mut columns = Self::default();
        for product in products {
            let price = product.price_from().ok_or_else(|| CatalogError::Corrupt {
                what: "product",
                reason: format!("{} has no variant", product.id()),
            })?;
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
            for (position, variant) in (0_i32..).zip(product.variants()) {
                columns.variants.push(product.id(), position, variant);
            }
        }
        Ok(columns)
    }
}

impl<'p> VariantColumns<'p> {
    fn push(&mut self, product: ProductId, position: i32, variant: &'p Variant) {
        self.ids.push(variant.id.uuid());
        self.products.push(product.uuid());
        self.positions.push(position);
        self.skus.push(variant.sku.as_str());
        self.titles.push(variant.title.as_str());
        self.prices.push(variant.price.minor());
        self.currencies.push(variant.price.currency().code());
        self.active.push(variant.active);
    }
}

#[derive(QueryableByName)]
struct WrittenRow {
    #[diesel(sql_type = Array<SqlUuid>)]
    products: Vec<Uuid>,
    #[diesel(sql_type = Array<Text>)]
    skus: Vec<String>,
}

/// What an insert could not write because somebody has it already. Both empty when all was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) slugs: Vec<Slug>,
    pub(crate) skus: Vec<Sku>,
}

/// Inserts new products with their variants in one statement; what is taken is told and not an SQL error, so that the
/// caller can name it.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    products: &[&Product],
) -> Result<Taken, CatalogError> {
    if products.is_empty() {
        return Ok(Taken::default());
    }
    let columns = Columns::of(products)?;
    let written: WrittenRow = statement(
        "with p as (
           insert into products (org_id, product_id, slug, title, description, category_id, status,
                                 price_from_minor, currency, variant_count, version, created_at, updated_at)
           select $1, g.product_id, g.slug, g.title, g.description, g.category_id, g.status,
                  g.price_from_minor, g.currency, g.variant_count, 1, g.updated_at, g.updated_at
           from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             as g(product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, updated_at)
           order by g.slug collate \"C\"
           on conflict (org_id, slug) do nothing
           returning product_id
         ), v as (
           insert into variants (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active)
           select $1, g.variant_id, g.product_id, g.position, g.sku, g.title, g.price_minor, g.currency, g.active
           from unnest($12, $13, $14, $15, $16, $17, $18, $19)
             as g(variant_id, product_id, position, sku, title, price_minor, currency, active)
           where g.product_id in (select product_id from p)
           order by g.sku collate \"C\"
           on conflict (org_id, sku) do nothing
           returning sku
         )
         select array(select product_id from p) as products, array(select sku from v) as skus",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(&columns.products)
    .bind::<Array<Text>, _>(&columns.slugs)
    .bind::<Array<Text>, _>(&columns.titles)
    .bind::<Array<Text>, _>(&columns.descriptions)
    .bind::<Array<Nullable<SqlUuid>>, _>(&columns.categories)
    .bind::<Array<Text>, _>(&columns.statuses)
    .bind::<Array<BigInt>, _>(&columns.prices_from)
    .bind::<Array<Text>, _>(&columns.currencies)
    .bind::<Array<Integer>, _>(&columns.counts)
    .bind::<Array<Timestamptz>, _>(&columns.updated)
    .bind::<Array<SqlUuid>, _>(&columns.variants.ids)
    .bind::<Array<SqlUuid>, _>(&columns.variants.products)
    .bind::<Array<Integer>, _>(&columns.variants.positions)
    .bind::<Array<Text>, _>(&columns.variants.skus)
    .bind::<Array<Text>, _>(&columns.variants.titles)
    .bind::<Array<BigInt>, _>(&columns.variants.prices)
    .bind::<Array<Text>, _>(&columns.variants.currencies)
    .bind::<Array<Bool>, _>(&columns.variants.active)
    .get_result(connection)
    .await?;
    let inserted: HashSet<Uuid> = written.products.into_iter().collect();
    let written_skus: HashSet<String> = written.skus.into_iter().collect();
    let mut taken = Taken::default();
    for product in products {
        if !inserted.contains(&product.id().uuid()) {
            taken.slugs.push(product.slug().clone());
            continue;
        }
        let skus = product.variants().iter().map(|variant| &variant.sku);
        taken.skus.extend(skus.filter(|sku| !written_skus.contains(sku.as_str())).cloned());
    }
    Ok(taken)
}

/// Writes changed products, which the caller has locked, and their changed or added variants in one statement.
pub(crate) async fn save(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    products: &[&Product],
) -> Result<(), CatalogError> {
    if products.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(products)?;
    statement(
        "with p as (
           update products t
           set slug = g.slug, title = g.title, description = g.description, category_id = g.category_id,
               status = g.status, price_from_minor = g.price_from_minor, currency = g.currency,
               variant_count = g.variant_count, version = g.version, updated_at = g.updated_at
           from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             as g(product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, version, updated_at)
           where t.org_id = $1 and t.product_id = g.product_id
         )
         insert into variants as t
           (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active)
         select $1, g.variant_id, g.product_id, g.position, g.sku, g.title, g.price_minor, g.currency, g.active
         from unnest($13, $14, $15, $16, $17, $18, $19, $20)
           as g(variant_id, product_id, position, sku, title, price_minor, currency, active)
         order by g.sku collate \"C\"
         on conflict (org_id, variant_id) do update
         set title = excluded.title, price_minor = excluded.price_minor, currency = excluded.currency,
             active = excluded.active
         where (t.title, t.price_minor, t.currency, t.active)
           is distinct from (excluded.title, excluded.price_minor, excluded.currency, excluded.active)",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(&columns.products)
    .bind::<Array<Text>, _>(&columns.slugs)
    .bind::<Array<Text>, _>(&columns.titles)
    .bind::<Array<Text>, _>(&columns.descriptions)
    .bind::<Array<Nullable<SqlUuid>>, _>(&columns.categories)
    .bind::<Array<Text>, _>(&columns.statuses)
    .bind::<Array<BigInt>, _>(&columns.prices_from)
    .bind::<Array<Text>, _>(&columns.currencies)
    .bind::<Array<Integer>, _>(&columns.counts)
    .bind::<Array<BigInt>, _>(&columns.versions)
    .bind::<Array<Timestamptz>, _>(&columns.updated)
    .bind::<Array<SqlUuid>, _>(&columns.variants.ids)
    .bind::<Array<SqlUuid>, _>(&columns.variants.products)
    .bind::<Array<Integer>, _>(&columns.variants.positions)
    .bind::<Array<Text>, _>(&columns.variants.skus)
    .bind::<Array<Text>, _>(&columns.variants.titles)
    .bind::<Array<BigInt>, _>(&columns.variants.prices)
    .bind::<Array<Text>, _>(&columns.variants.currencies)
    .bind::<Array<Bool>, _>(&columns.variants.active)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether another product has the slug.
pub(crate) async fn slug_is_taken(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    slug: &Slug,
    except: ProductId,
) -> Result<bool, CatalogError> {
    #[derive(QueryableByName)]
    struct TakenRow {
        #[diesel(sql_type = Bool)]
        taken: bool,
    }
    let row: TakenRow = statement(
        "select exists (
           select from products where org_id = $1 and slug = $2 and product_id <> $3
         ) as taken",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Text, _>(slug.as_str())
    .bind::<SqlUuid, _>(except.uuid())
    .get_result(connection)
    .await?;
    Ok(row.taken)
}
