//! Products and their variants: locked by id, written in a fixed number of statements however many there are.

use std::collections::{HashMap, HashSet};

use diesel::dsl::exists;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, OrganisationId, ProductId, Sku, Slug, Timestamp};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::import::Owner;
use crate::domain::product::{Product, TakenSku, Variant};
use crate::error::Error;
use crate::projections;
use crate::schema::{products, stock, variants};

/// Locks a product and loads it. The lock is a statement of its own: a SELECT that waits for a row's lock sees that row
/// as it is afterwards, but the variants as they were when it began.
pub(crate) async fn lock(tx: &mut Tx<'_>, product: ProductId) -> Result<Product, Error> {
    if lock_versions(tx, &[product]).await?.is_empty() {
        return Err(Error::ProductNotFound { product });
    }
    let organisation = tx.organisation();
    projections::product::by_id(tx.connection(), organisation, product).await
}

/// Locks products in the order of their ids and gives their versions.
pub(crate) async fn lock_versions(tx: &mut Tx<'_>, ids: &[ProductId]) -> Result<HashMap<ProductId, i64>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, i64)> = products::table
        .filter(products::org_id.eq(tx.organisation().uuid()))
        .filter(products::product_id.eq_any(ids.iter().map(|product| product.uuid())))
        .order_by(products::product_id)
        .select((products::product_id, products::version))
        .for_update()
        .load(tx.connection())
        .await?;
    Ok(rows.into_iter().map(|(product, version)| (ProductId::from_uuid(product), version)).collect())
}

/// The products that have one of the slugs, not locked: whoever changes one locks it afterwards and compares versions.
pub(crate) async fn with_slugs(tx: &mut Tx<'_>, slugs: &[&str]) -> Result<HashMap<Slug, Product>, Error> {
    let organisation = tx.organisation();
    let products = projections::product::with_slugs(tx.connection(), organisation, slugs).await?;
    Ok(products.into_iter().map(|product| (product.slug().clone(), product)).collect())
}

/// The owners of those SKUs that have one.
pub(crate) async fn owners(tx: &mut Tx<'_>, skus: &[&str]) -> Result<HashMap<String, Owner>, Error> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let of_product = products::org_id.eq(variants::org_id).and(products::product_id.eq(variants::product_id));
    let of_stock = stock::org_id.eq(variants::org_id).and(stock::variant_id.eq(variants::variant_id));
    let rows: Vec<(String, Uuid, String, String, i64, i64)> = variants::table
        .inner_join(products::table.on(of_product))
        .inner_join(stock::table.on(of_stock))
        .filter(variants::org_id.eq(tx.organisation().uuid()))
        .filter(variants::sku.eq_any(skus.iter().copied()))
        .select((
            variants::sku,
            variants::product_id,
            products::slug,
            products::status,
            stock::on_hand,
            stock::reserved + stock::held,
        ))
        .load(tx.connection())
        .await?;
    let owner = |(sku, product, slug, status, on_hand, promised)| {
        (sku, Owner { product: ProductId::from_uuid(product), slug, status, on_hand, promised })
    };
    Ok(rows.into_iter().map(owner).collect())
}

/// Those of the SKUs that a product of their organisation has, with that product.
pub(crate) async fn taken_skus<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<HashMap<(OrganisationId, Sku), TakenSku>, Error> {
    let of_product = products::org_id.eq(variants::org_id).and(products::product_id.eq(variants::product_id));
    let rows: Vec<(Uuid, String, Uuid, String)> = variants::table
        .inner_join(products::table.on(of_product))
        .filter(variants::org_id.eq_any(wanted.iter().map(|(organisation, _)| organisation.uuid())))
        .filter(variants::sku.eq_any(wanted.iter().map(|(_, sku)| sku.as_str())))
        .select((variants::org_id, variants::sku, variants::product_id, products::status))
        .load(tx.connection())
        .await?;
    rows.into_iter()
        .map(|(organisation, sku, product, status)| {
            let sku = Sku::parse(&sku).map_err(|cause| Error::corrupt("variant", cause))?;
            let status = kernel::parse_name("status", &status).map_err(|cause| Error::corrupt("product", cause))?;
            let taken = TakenSku { sku: sku.clone(), product: ProductId::from_uuid(product), status };
            Ok(((OrganisationId::from_uuid(organisation), sku), taken))
        })
        .collect()
}

/// As [`taken_skus`], for SKUs of one organisation and in their order.
pub(crate) async fn taken_skus_of<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    organisation: OrganisationId,
    skus: &[Sku],
) -> Result<Vec<TakenSku>, Error> {
    let wanted: Vec<(OrganisationId, &Sku)> = skus.iter().map(|sku| (organisation, sku)).collect();
    let mut taken = taken_skus(tx, &wanted).await?;
    Ok(skus.iter().filter_map(|sku| taken.remove(&(organisation, sku.clone()))).collect())
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
    /// The words that the product is found by.
    searched: Vec<String>,
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
    fn of(products: &[&'p Product]) -> Result<Self, Error> {
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
            columns.searched.push(product.searched_words());
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
    #[diesel(sql_type = Array<SqlUuid>)]
    variants: Vec<Uuid>,
}

/// What became of a new product.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// It was written with all its variants.
    Done,
    /// Another product has the slug. Nothing of it was written.
    SlugTaken,
    /// Other products have these SKUs. The rest of it was written, so the transaction must be undone.
    SkusTaken(Vec<Sku>),
}

/// Inserts new products of one or of several organisations with their variants in one statement, and says what became of
/// each. What is taken does not fail the statement, so that the caller can name it.
pub(crate) async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    new: &[(OrganisationId, &Product)],
) -> Result<Vec<Insertion>, Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let products: Vec<&Product> = new.iter().map(|(_, product)| *product).collect();
    let columns = Columns::of(&products)?;
    let organisations: Vec<Uuid> = new.iter().map(|(organisation, _)| organisation.uuid()).collect();
    let variants_of =
        new.iter().flat_map(|(organisation, product)| product.variants().iter().map(|_| organisation.uuid()));
    let variant_organisations: Vec<Uuid> = variants_of.collect();
    let written: WrittenRow = statement(
        "with p as (
           insert into products (org_id, product_id, slug, title, description, category_id, status,
                                 price_from_minor, currency, variant_count, version, created_at, updated_at,
                                 search_text)
           select g.org_id, g.product_id, g.slug, g.title, g.description, g.category_id, g.status,
                  g.price_from_minor, g.currency, g.variant_count, 1, g.updated_at, g.updated_at,
                  search_text(g.searched)
           from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $21)
             as g(org_id, product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, updated_at, searched)
           order by g.org_id, g.slug collate \"C\"
           on conflict (org_id, slug) do nothing
           returning product_id
         ), v as (
           insert into variants (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active)
           select g.org_id, g.variant_id, g.product_id, g.position, g.sku, g.title, g.price_minor, g.currency, g.active
           from unnest($12, $13, $14, $15, $16, $17, $18, $19, $20)
             as g(org_id, variant_id, product_id, position, sku, title, price_minor, currency, active)
           where g.product_id in (select product_id from p)
           order by g.org_id, g.sku collate \"C\"
           on conflict (org_id, sku) do nothing
           returning variant_id
         )
         select array(select product_id from p) as products, array(select variant_id from v) as variants",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
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
    .bind::<Array<SqlUuid>, _>(&variant_organisations)
    .bind::<Array<SqlUuid>, _>(&columns.variants.ids)
    .bind::<Array<SqlUuid>, _>(&columns.variants.products)
    .bind::<Array<Integer>, _>(&columns.variants.positions)
    .bind::<Array<Text>, _>(&columns.variants.skus)
    .bind::<Array<Text>, _>(&columns.variants.titles)
    .bind::<Array<BigInt>, _>(&columns.variants.prices)
    .bind::<Array<Text>, _>(&columns.variants.currencies)
    .bind::<Array<Bool>, _>(&columns.variants.active)
    .bind::<Array<Text>, _>(&columns.searched)
    .get_result(tx.connection())
    .await?;
    let inserted: HashSet<Uuid> = written.products.into_iter().chain(written.variants).collect();
    let became = |product: &Product| {
        if !inserted.contains(&product.id().uuid()) {
            return Insertion::SlugTaken;
        }
        let taken = product.variants().iter().filter(|variant| !inserted.contains(&variant.id.uuid()));
        let skus: Vec<Sku> = taken.map(|variant| variant.sku.clone()).collect();
        if skus.is_empty() { Insertion::Done } else { Insertion::SkusTaken(skus) }
    };
    Ok(products.into_iter().map(became).collect())
}

/// Writes changed products, which the caller has locked, and their changed or added variants in one statement.
pub(crate) async fn save(tx: &mut Tx<'_>, products: &[&Product]) -> Result<(), Error> {
    if products.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(products)?;
    statement(
        "with p as (
           update products t
           set slug = g.slug, title = g.title, description = g.description, category_id = g.category_id,
               status = g.status, price_from_minor = g.price_from_minor, currency = g.currency,
               variant_count = g.variant_count, version = g.version, updated_at = g.updated_at,
               search_text = search_text(g.searched)
           from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $21)
             as g(product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, version, updated_at, searched)
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
    .bind::<SqlUuid, _>(tx.organisation().uuid())
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
    .bind::<Array<Text>, _>(&columns.searched)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Whether another product has the slug.
pub(crate) async fn slug_is_taken(tx: &mut Tx<'_>, slug: &Slug, except: ProductId) -> Result<bool, Error> {
    let others = products::table
        .filter(products::org_id.eq(tx.organisation().uuid()))
        .filter(products::slug.eq(slug.as_str()))
        .filter(products::product_id.ne(except.uuid()));
    Ok(diesel::select(exists(others)).get_result(tx.connection()).await?)
}
