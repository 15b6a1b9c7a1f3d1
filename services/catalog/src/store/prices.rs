//! Prices for a while. The rule: whoever writes one has locked its product; nothing but its end is ever written later.

use std::collections::HashMap;

use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, PriceId, ProductId, Sku, Timestamp, VariantId};
use persistence::{Tx, statement};
use uuid::Uuid;

use crate::domain::price::{PriceEntry, PriceWindow};
use crate::domain::product::Product;
use crate::error::Error;
use crate::projections;
use crate::projections::price::Row;
use crate::schema::{prices, variants};

/// Locks the product of a variant and loads it.
pub(crate) async fn lock_product(tx: &mut Tx<'_>, variant: VariantId) -> Result<Product, Error> {
    // A variant never gets another product, so this needs no lock.
    let product: Option<Uuid> = variants::table
        .filter(variants::org_id.eq(tx.organisation().uuid()))
        .filter(variants::variant_id.eq(variant.uuid()))
        .select(variants::product_id)
        .get_result(tx.connection())
        .await
        .optional()?;
    let product = product.map(ProductId::from_uuid).ok_or(Error::VariantNotFound { variant })?;
    super::products::lock(tx, product).await
}

/// A price that a variant is to have, of this product.
pub(crate) type NewWindow<'w> = (ProductId, VariantId, &'w PriceWindow);

/// Inserts prices of variants in one statement.
pub(crate) async fn insert(tx: &mut Tx<'_>, new: &[NewWindow<'_>], now: Timestamp) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let (organisation, actor) = (tx.organisation().uuid(), tx.provenance().actor.clone());
    let windows = || new.iter().map(|(_, _, window)| *window);
    statement(
        "insert into prices (org_id, price_id, product_id, variant_id, kind, channel, amount_minor, currency, valid_from,
                             valid_until, created_at, created_by, open, next_boundary)
         select $1, g.price_id, g.product_id, g.variant_id, 'window', g.channel, g.amount_minor, g.currency, g.valid_from,
                g.valid_until, $10, $11, true, g.next_boundary
         from unnest($2, $3, $4, $5, $6, $7, $8, $9, $12)
           as g(price_id, product_id, variant_id, channel, amount_minor, currency, valid_from, valid_until, next_boundary)",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<Array<SqlUuid>, _>(windows().map(|window| window.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|(product, _, _)| product.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|(_, variant, _)| variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        windows().map(|window| window.channel.as_ref().map(ChannelCode::as_str)).collect::<Vec<_>>(),
    )
    .bind::<Array<BigInt>, _>(windows().map(|window| window.amount.minor()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(windows().map(|window| window.amount.currency().code().to_owned()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(windows().map(|window| window.from).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(windows().map(|window| window.until).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(actor)
    .bind::<Array<Nullable<Timestamptz>>, _>(windows().map(|window| window.next_boundary(now)).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The variants that have these SKUs, with their products. Neither ever changes, so nothing is locked.
pub(crate) async fn variants_of(tx: &mut Tx<'_>, skus: &[&Sku]) -> Result<HashMap<Sku, (ProductId, VariantId)>, Error> {
    let rows: Vec<(String, Uuid, Uuid)> = variants::table
        .filter(variants::org_id.eq(tx.organisation().uuid()))
        .filter(variants::sku.eq_any(skus.iter().map(|sku| sku.as_str())))
        .select((variants::sku, variants::product_id, variants::variant_id))
        .load(tx.connection())
        .await?;
    let of_sku = |(sku, product, variant): (String, Uuid, Uuid)| {
        let sku = Sku::parse(&sku).map_err(|cause| Error::corrupt("variant", cause))?;
        Ok((sku, (ProductId::from_uuid(product), VariantId::from_uuid(variant))))
    };
    rows.into_iter().map(of_sku).collect()
}

/// Locks products in the order of their ids and loads them.
pub(crate) async fn lock_products(tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<Product>, Error> {
    super::products::lock_versions(tx, products).await?;
    let (organisation, ids) = (tx.organisation(), products.iter().map(|product| product.uuid()).collect::<Vec<_>>());
    projections::product::with_ids(tx.connection(), organisation, &ids).await
}

/// An entry of the history of a variant.
pub(crate) async fn entry(
    tx: &mut Tx<'_>,
    variant: VariantId,
    price: PriceId,
    now: Timestamp,
) -> Result<Option<PriceEntry>, Error> {
    let row: Option<Row> = prices::table
        .filter(prices::org_id.eq(tx.organisation().uuid()))
        .filter(prices::variant_id.eq(variant.uuid()))
        .filter(prices::price_id.eq(price.uuid()))
        .select(Row::as_select())
        .get_result(tx.connection())
        .await
        .optional()?;
    row.map(|row| row.into_entry(now)).transpose()
}

/// Ends open prices of a product.
pub(crate) async fn end(tx: &mut Tx<'_>, ended: &[PriceId], now: Timestamp) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let (organisation, actor) = (tx.organisation().uuid(), tx.provenance().actor.clone());
    statement(
        "update prices set ended_at = $3, ended_by = $4, open = false, next_boundary = null
         where org_id = $1 and price_id = any($2) and open",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<Array<SqlUuid>, _>(ended.iter().map(|price| price.uuid()).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(actor)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct ProductRow {
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
}

/// Locks those of the products that nobody else has locked, takes from the sweep what begins or ends until that time, and gives
/// the products that it was of.
pub(crate) async fn pass(tx: &mut Tx<'_>, products: &[ProductId], at: Timestamp) -> Result<Vec<Product>, Error> {
    let organisation = tx.organisation();
    // Whoever has locked one brings its prices up to its own time, or is another sweep. What is left is due the next time.
    let free: Vec<ProductRow> = statement(
        "select product_id from products where org_id = $1 and product_id = any($2)
         order by product_id for update skip locked",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    // A statement of its own: it sees what another sweep has done before the lock.
    let passed: Vec<ProductRow> = statement(
        "with passed as (
           update prices
           set open = valid_until is null or valid_until > $3,
               next_boundary = case when valid_until > $3 then valid_until end
           where org_id = $1 and product_id = any($2) and open and next_boundary <= $3
           returning product_id
         )
         select distinct product_id from passed",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(free.iter().map(|row| row.product_id).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(at)
    .load(tx.connection())
    .await?;
    let passed: Vec<Uuid> = passed.into_iter().map(|row| row.product_id).collect();
    if passed.is_empty() {
        return Ok(Vec::new());
    }
    projections::product::with_ids(tx.connection(), organisation, &passed).await
}
