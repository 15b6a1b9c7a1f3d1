//! Prices for a while. The rule: whoever writes one has locked its product; nothing but its end is ever written later.

use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, PriceId, ProductId, Timestamp, VariantId};
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

/// Inserts a price of a variant.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    (product, variant): (ProductId, VariantId),
    window: &PriceWindow,
    now: Timestamp,
) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation().uuid(), tx.provenance().actor.clone());
    statement(
        "insert into prices (org_id, price_id, product_id, variant_id, kind, channel, amount_minor, currency, valid_from,
                             valid_until, created_at, created_by, open, next_boundary)
         values ($1, $2, $3, $4, 'window', $5, $6, $7, $8, $9, $10, $11, true, $12)",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<SqlUuid, _>(window.id.uuid())
    .bind::<SqlUuid, _>(product.uuid())
    .bind::<SqlUuid, _>(variant.uuid())
    .bind::<Nullable<Text>, _>(window.channel.as_ref().map(ChannelCode::as_str))
    .bind::<BigInt, _>(window.amount.minor())
    .bind::<Text, _>(window.amount.currency().code())
    .bind::<Timestamptz, _>(window.from)
    .bind::<Nullable<Timestamptz>, _>(window.until)
    .bind::<Timestamptz, _>(now)
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(window.next_boundary(now))
    .execute(tx.connection())
    .await?;
    Ok(())
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
