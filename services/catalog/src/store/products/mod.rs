//! Products and their variants: locked by id, written in a fixed number of statements however many there are.

mod columns;
mod deletion;
mod holders;

use std::collections::{HashMap, HashSet};

use diesel::dsl::exists;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, ProductId, Slug, VariantId};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use self::columns::{Columns, Details, product_details, variant_details};
pub(crate) use self::deletion::{delete, was_sold};
pub(crate) use self::holders::{owners, taken_barcodes, taken_skus, taken_skus_of};
use crate::domain::product::Product;
use crate::error::Error;
use crate::projections;
use crate::schema::{products, variants};

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
    /// Other products have the SKUs or barcodes of these variants. The rest of it was written, so the transaction must be
    /// undone.
    VariantsTaken(Vec<VariantId>),
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
    let written: WrittenRow = statement(concat!(
        "with p as (
           insert into products (org_id, product_id, slug, title, description, category_id, status, price_from_minor,
                                 currency, variant_count, version, created_at, updated_at, was_active, brand,
                                 short_description, tags, category_ids, attributes, media, options, external_references,
                                 translations, for_sale, channels, search_text)
           select g.org_id, g.product_id, g.slug, g.title, g.description, g.category_id, g.status, g.price_from_minor,
                  g.currency, g.variant_count, 1, g.updated_at, g.updated_at, g.status = 'active', d.brand,
                  d.short_description, d.tags, d.category_ids, d.attributes, d.media, d.options, d.external_references,
                  d.translations, d.for_sale, coalesce(d.channels, '{*}'),
                  search_text(d.searched) || chr(10) || search_text(d.described)
           from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             as g(org_id, product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, updated_at, details),
             jsonb_to_record(g.details) as ",
        product_details!(),
        "  order by g.org_id, g.slug collate \"C\"
           on conflict (org_id, slug) do nothing
           returning product_id
         ), v as (
           insert into variants (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active,
                                 barcode, option_values, weight_grams, length_mm, width_mm, height_mm, compare_at_minor,
                                 cost_minor, external_references)
           select g.org_id, g.variant_id, g.product_id, g.position, g.sku, g.title, g.price_minor, g.currency, g.active,
                  d.barcode, d.option_values, d.weight_grams, d.length_mm, d.width_mm, d.height_mm, d.compare_at_minor,
                  d.cost_minor, d.external_references
           from unnest($13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
             as g(org_id, variant_id, product_id, position, sku, title, price_minor, currency, active, details),
             jsonb_to_record(g.details) as ",
        variant_details!(),
        "  where g.product_id in (select product_id from p)
           order by g.org_id, g.sku collate \"C\"
           on conflict do nothing
           returning variant_id
         )
         select array(select product_id from p) as products, array(select variant_id from v) as variants",
    ))
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
    .bind::<Array<Details>, _>(&columns.details)
    .bind::<Array<SqlUuid>, _>(&variant_organisations)
    .bind::<Array<SqlUuid>, _>(&columns.variants.ids)
    .bind::<Array<SqlUuid>, _>(&columns.variants.products)
    .bind::<Array<Integer>, _>(&columns.variants.positions)
    .bind::<Array<Text>, _>(&columns.variants.skus)
    .bind::<Array<Text>, _>(&columns.variants.titles)
    .bind::<Array<BigInt>, _>(&columns.variants.prices)
    .bind::<Array<Text>, _>(&columns.variants.currencies)
    .bind::<Array<Bool>, _>(&columns.variants.active)
    .bind::<Array<Details>, _>(&columns.variants.details)
    .get_result(tx.connection())
    .await?;
    let inserted: HashSet<Uuid> = written.products.into_iter().chain(written.variants).collect();
    let became = |product: &Product| {
        if !inserted.contains(&product.id().uuid()) {
            return Insertion::SlugTaken;
        }
        let taken = product.variants().iter().filter(|variant| !inserted.contains(&variant.id.uuid()));
        let taken: Vec<VariantId> = taken.map(|variant| variant.id).collect();
        if taken.is_empty() { Insertion::Done } else { Insertion::VariantsTaken(taken) }
    };
    Ok(products.into_iter().map(became).collect())
}

/// Takes the barcodes of these variants away, so that others of the same transaction can get them.
pub(crate) async fn release_barcodes(tx: &mut Tx<'_>, of: &[VariantId]) -> Result<(), Error> {
    if of.is_empty() {
        return Ok(());
    }
    let rows = variants::table
        .filter(variants::org_id.eq(tx.organisation().uuid()))
        .filter(variants::variant_id.eq_any(of.iter().map(|variant| variant.uuid())));
    diesel::update(rows).set(variants::barcode.eq(None::<String>)).execute(tx.connection()).await?;
    Ok(())
}

/// Writes changed products, which the caller has locked, and their changed or added variants in one statement. Base prices that
/// were replaced go into the history, and slugs that products for sale have given up are noted.
pub(crate) async fn save(tx: &mut Tx<'_>, products: &[&Product]) -> Result<(), Error> {
    if products.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(products)?;
    let actor = tx.provenance().actor.clone();
    statement(concat!(
        "with f as (
           insert into former_slugs (org_id, slug, product_id)
           select t.org_id, t.slug, t.product_id
           from unnest($2, $3) as g(product_id, slug)
           join products t on t.org_id = $1 and t.product_id = g.product_id and t.slug <> g.slug and t.was_active
           order by t.slug
           on conflict (org_id, slug) do update set product_id = excluded.product_id
         ), p as (
           update products t
           set slug = g.slug, title = g.title, description = g.description, category_id = g.category_id,
               status = g.status, price_from_minor = g.price_from_minor, currency = g.currency,
               variant_count = g.variant_count, version = g.version, updated_at = g.updated_at,
               was_active = t.was_active or 'active' in (t.status, g.status), brand = d.brand,
               short_description = d.short_description, tags = d.tags, category_ids = d.category_ids,
               attributes = d.attributes, media = d.media, options = d.options,
               external_references = d.external_references, translations = d.translations,
               for_sale = d.for_sale, channels = coalesce(d.channels, '{*}'),
               search_text = search_text(d.searched) || chr(10) || search_text(d.described)
           from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             as g(product_id, slug, title, description, category_id, status, price_from_minor, currency,
                  variant_count, version, updated_at, details),
             jsonb_to_record(g.details) as ",
        product_details!(),
        "  where t.org_id = $1 and t.product_id = g.product_id
         ), v as (
           select g.*, d.*
           from unnest($14, $15, $16, $17, $18, $19, $20, $21, $22)
             as g(variant_id, product_id, position, sku, title, price_minor, currency, active, details),
             jsonb_to_record(g.details) as ",
        variant_details!(),
        "), h as (
           insert into prices (org_id, price_id, product_id, variant_id, kind, amount_minor, currency, former, valid_from,
                               created_at, created_by, open)
           select $1, v.change_id, v.product_id, v.variant_id, 'base', v.price_minor, v.currency, v.former,
                  v.changed_at, v.changed_at, $23, false
           from v where v.change_id is not null
         )
         insert into variants as t
           (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active, barcode, option_values,
            weight_grams, length_mm, width_mm, height_mm, compare_at_minor, cost_minor, external_references,
            shop_price_minor)
         select $1, v.variant_id, v.product_id, v.position, v.sku, v.title, v.price_minor, v.currency, v.active,
                v.barcode, v.option_values, v.weight_grams, v.length_mm, v.width_mm, v.height_mm, v.compare_at_minor,
                v.cost_minor, v.external_references, v.shop_price_minor
         from v
         order by v.sku collate \"C\"
         on conflict (org_id, variant_id) do update
         set title = excluded.title, price_minor = excluded.price_minor, currency = excluded.currency,
             active = excluded.active, barcode = excluded.barcode, option_values = excluded.option_values,
             weight_grams = excluded.weight_grams, length_mm = excluded.length_mm, width_mm = excluded.width_mm,
             height_mm = excluded.height_mm, compare_at_minor = excluded.compare_at_minor,
             cost_minor = excluded.cost_minor, external_references = excluded.external_references,
             shop_price_minor = excluded.shop_price_minor
         where (t.title, t.price_minor, t.currency, t.active, t.barcode, t.option_values, t.weight_grams, t.length_mm,
                t.width_mm, t.height_mm, t.compare_at_minor, t.cost_minor, t.external_references, t.shop_price_minor)
           is distinct from
               (excluded.title, excluded.price_minor, excluded.currency, excluded.active, excluded.barcode,
                excluded.option_values, excluded.weight_grams, excluded.length_mm, excluded.width_mm,
                excluded.height_mm, excluded.compare_at_minor, excluded.cost_minor, excluded.external_references,
                excluded.shop_price_minor)",
    ))
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
    .bind::<Array<Details>, _>(&columns.details)
    .bind::<Array<SqlUuid>, _>(&columns.variants.ids)
    .bind::<Array<SqlUuid>, _>(&columns.variants.products)
    .bind::<Array<Integer>, _>(&columns.variants.positions)
    .bind::<Array<Text>, _>(&columns.variants.skus)
    .bind::<Array<Text>, _>(&columns.variants.titles)
    .bind::<Array<BigInt>, _>(&columns.variants.prices)
    .bind::<Array<Text>, _>(&columns.variants.currencies)
    .bind::<Array<Bool>, _>(&columns.variants.active)
    .bind::<Array<Details>, _>(&columns.variants.details)
    .bind::<Text, _>(actor)
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
