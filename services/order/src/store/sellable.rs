//! This service's own copy of the sellable catalog: looked up when an order is placed, written from the topic.
//! The rules: a product's rows are written by that product's records only, an older record never replaces a newer one,
//! and rows are locked in the order of the product ids.

use std::collections::{HashMap, HashSet};

use contracts::catalog::Listing;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, Currency, Money, OrganisationId, ProductId, Sku, Timestamp, VariantId};
use persistence::{Tenancy, Tenants, Tx, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Offer, OtherPrices, Product, Variant},
    error::Error,
    schema::sellable,
};

/// What these SKUs are sold as now, by organisation; an unknown SKU has no offer.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn offers<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<HashMap<OrganisationId, Vec<Offer>>, Error> {
    // While a SKU moves from one product to another it may stand twice: the one for sale counts, then the younger one.
    let rows: Vec<OfferRow> = statement(
        "select distinct on (s.org_id, s.sku) s.org_id, s.sku, s.product_id, s.variant_id, s.product_version, s.title,
                s.variant_title, s.price_minor, s.cost_minor, s.currency, s.for_sale,
                s.channels, s.other_prices
         from unnest($1, $2) as wanted (org_id, sku)
         join sellable s on s.org_id = wanted.org_id and s.sku = wanted.sku
         order by s.org_id, s.sku, s.for_sale desc, s.variant_id desc",
    )
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut offers: HashMap<OrganisationId, Vec<Offer>> = HashMap::new();
    for row in rows {
        offers.entry(OrganisationId::from_uuid(row.org_id)).or_default().push(row.try_into()?);
    }
    Ok(offers)
}

/// Writes states of products, each product once and in the order of organisations and ids: rows are locked in that order,
/// so two batches cannot wait for each other.
///
/// A live record replaces an older state only. A rebuild also replaces the state of the same version, which corrects
/// whatever somebody wrote past this service.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn apply(tx: &mut Tx<'_, Tenants>, products: &[Product], rebuild: bool) -> Result<(), Error> {
    let accepted: Vec<Accepted> = statement(
        "insert into sellable_products as known (org_id, product_id, version, removed, touched_at)
         select new.org_id, new.product_id, new.version, new.removed, clock_timestamp()
         from unnest($1, $2, $3, $4) as new (org_id, product_id, version, removed)
         on conflict (org_id, product_id) do update
         set version = excluded.version, removed = excluded.removed, touched_at = excluded.touched_at
         where known.version < excluded.version or ($5 and known.version = excluded.version)
         returning org_id, product_id",
    )
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(products.iter().map(|product| product.version).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(products.iter().map(|product| product.removed).collect::<Vec<_>>())
    .bind::<Bool, _>(rebuild)
    .load(tx.connection())
    .await?;
    let accepted: HashSet<(Uuid, Uuid)> = accepted.into_iter().map(|row| (row.org_id, row.product_id)).collect();
    let is_accepted = |product: &&Product| accepted.contains(&(product.organisation.uuid(), product.id.uuid()));
    let accepted: Vec<&Product> = products.iter().filter(is_accepted).collect();
    if accepted.is_empty() {
        return Ok(());
    }
    replace(tx, &accepted).await
}

/// Replaces the variants of these products; a variant that a product no longer has is deleted.
async fn replace(tx: &mut Tx<'_, Tenants>, products: &[&Product]) -> Result<(), Error> {
    let rows: Vec<(&Product, &Variant)> =
        products.iter().flat_map(|product| product.variants.iter().map(move |variant| (*product, variant))).collect();
    let other_prices = rows.iter().map(|(_, variant)| json(&variant.other_prices)).collect::<Result<Vec<_>, _>>()?;
    statement(
        "with gone as (
            delete from sellable s using unnest($1, $2) as product (org_id, product_id)
            where s.org_id = product.org_id and s.product_id = product.product_id
              and not exists (select from unnest($3, $4, $5) as kept (org_id, product_id, variant_id)
                              where kept.org_id = s.org_id and kept.product_id = s.product_id
                                and kept.variant_id = s.variant_id)
        )
        insert into sellable as known (org_id, product_id, variant_id, sku, title, variant_title, price_minor, currency,
                                       for_sale, product_version, cost_minor, channels, other_prices)
        select new.org_id, new.product_id, new.variant_id, new.sku, new.title, new.variant_title, new.price_minor,
               new.currency, new.for_sale, new.product_version, new.cost_minor, new.channels::text[], new.other_prices
        from unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            as new (org_id, product_id, variant_id, sku, title, variant_title, price_minor, currency, for_sale,
                    product_version, cost_minor, channels, other_prices)
        on conflict (org_id, product_id, variant_id) do update
        set sku = excluded.sku, title = excluded.title, variant_title = excluded.variant_title,
            price_minor = excluded.price_minor, currency = excluded.currency, for_sale = excluded.for_sale,
            product_version = excluded.product_version, cost_minor = excluded.cost_minor,
            channels = excluded.channels, other_prices = excluded.other_prices",
    )
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(column(&rows, |product, _| product.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&rows, |product, _| product.id.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&rows, |_, variant| variant.id.uuid()))
    .bind::<Array<Text>, _>(column(&rows, |_, variant| variant.sku.to_string()))
    .bind::<Array<Text>, _>(column(&rows, |product, _| product.title.clone()))
    .bind::<Array<Text>, _>(column(&rows, |_, variant| variant.title.clone()))
    .bind::<Array<BigInt>, _>(column(&rows, |_, variant| variant.price.minor()))
    .bind::<Array<Text>, _>(column(&rows, |_, variant| variant.price.currency().code().to_owned()))
    .bind::<Array<Bool>, _>(column(&rows, |_, variant| variant.for_sale))
    .bind::<Array<BigInt>, _>(column(&rows, |product, _| product.version))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |_, variant| variant.known_cost()))
    .bind::<Array<Nullable<Text>>, _>(column(&rows, |product, _| array(&product.listing)))
    .bind::<Array<Nullable<Jsonb>>, _>(other_prices)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes the products that no record has touched since `since` and that are not among `unknown`, with their variants,
/// and variants that belong to no product. Returns the number of products.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn drop_untouched(tx: &mut Tx<'_>, since: Timestamp, unknown: &[ProductId]) -> Result<i64, Error> {
    let dropped: Count = statement(
        "with gone as (
            delete from sellable_products where org_id = $1 and touched_at < $2 and not product_id = any($3)
            returning product_id
        ), variants as (
            delete from sellable s where s.org_id = $1 and (
                s.product_id in (select product_id from gone)
                or not exists (select from sellable_products p where p.org_id = $1 and p.product_id = s.product_id))
        )
        select count(*) as count from gone",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Timestamptz, _>(since)
    .bind::<Array<SqlUuid>, _>(unknown.iter().map(|product| product.uuid()).collect::<Vec<_>>())
    .get_result(tx.connection())
    .await?;
    Ok(dropped.count)
}

/// The channels of a list as PostgreSQL writes an array: lists of different lengths do not fit into one array. A code has no letter
/// that has to be escaped.
fn array(listing: &Listing) -> Option<String> {
    let channels: Vec<&str> = listing.channels()?.iter().map(ChannelCode::as_str).collect();
    Some(format!("{{{}}}", channels.join(",")))
}

/// The prices of other channels, where there are any.
fn json(prices: &OtherPrices) -> Result<Option<Value>, Error> {
    let written = || serde_json::to_value(prices).map_err(|cause| Error::corrupt("the prices of a variant", cause));
    (*prices != OtherPrices::default()).then(written).transpose()
}

fn column<V>(rows: &[(&Product, &Variant)], value: impl Fn(&Product, &Variant) -> V) -> Vec<V> {
    rows.iter().map(|(product, variant)| value(product, variant)).collect()
}

#[derive(QueryableByName)]
struct Accepted {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
#[diesel(table_name = sellable, check_for_backend(diesel::pg::Pg))]
struct OfferRow {
    org_id: Uuid,
    sku: String,
    product_id: Uuid,
    variant_id: Uuid,
    product_version: i64,
    title: String,
    variant_title: String,
    price_minor: i64,
    cost_minor: Option<i64>,
    currency: String,
    for_sale: bool,
    channels: Option<Vec<String>>,
    other_prices: Option<Value>,
}

impl TryFrom<OfferRow> for Offer {
    type Error = Error;

    fn try_from(row: OfferRow) -> Result<Self, Error> {
        let variant = VariantId::from_uuid(row.variant_id);
        let corrupt = |malformed| Error::corrupt(variant, malformed);
        let currency = Currency::parse(&row.currency).map_err(corrupt)?;
        let channels = row.channels.map(|all| all.iter().map(|code| ChannelCode::parse(code)).collect());
        Ok(Self {
            sku: Sku::parse(&row.sku).map_err(corrupt)?,
            product: ProductId::from_uuid(row.product_id),
            variant,
            product_version: row.product_version,
            title: row.title,
            variant_title: row.variant_title,
            price: Money::from_minor(row.price_minor, currency).map_err(corrupt)?,
            other_prices: row
                .other_prices
                .map_or_else(|| Ok(OtherPrices::default()), serde_json::from_value)
                .map_err(|cause| Error::corrupt(variant, cause))?,
            cost: row.cost_minor.map(|cost| Money::from_minor(cost, currency)).transpose().map_err(corrupt)?,
            for_sale: row.for_sale,
            listing: channels.transpose().map_err(corrupt)?.map(Listing::only).unwrap_or_default(),
        })
    }
}
