//! The notifier's own copy of what can be sold.
//! The rule: an older version never overwrites a newer one, and what is gone stays as a row without a level.

use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use persistence::{Tenants, Tx};

use crate::domain::{StockCopy, StockLevel};
use crate::error::Error;

/// Stores the stock of variants, each once, unless newer states are there.
///
/// # Errors
/// When the database is away.
pub async fn upsert(tx: &mut Tx<'_, Tenants>, stocks: &[StockCopy]) -> Result<(), Error> {
    let number =
        |of: fn(&StockLevel) -> i64| stocks.iter().map(|stock| stock.level.as_ref().map_or(0, of)).collect::<Vec<_>>();
    let sku = |stock: &StockCopy| stock.level.as_ref().map_or_else(String::new, |level| level.sku.as_str().to_owned());
    let availability = |stock: &StockCopy| stock.level.as_ref().map_or("", |level| level.availability.into());
    persistence::statement(
        "insert into stocks as known (org_id, variant_id, removed, sku, availability, sellable, available, on_hand, version)
         select new.* from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
              as new (org_id, variant_id, removed, sku, availability, sellable, available, on_hand, version)
         on conflict (org_id, variant_id) do update
         set removed = excluded.removed, sku = excluded.sku, availability = excluded.availability,
             sellable = excluded.sellable, available = excluded.available, on_hand = excluded.on_hand,
             version = excluded.version
         where known.version < excluded.version",
    )
    .bind::<Array<SqlUuid>, _>(stocks.iter().map(|stock| stock.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(stocks.iter().map(|stock| stock.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(stocks.iter().map(|stock| stock.level.is_none()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(stocks.iter().map(sku).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(stocks.iter().map(availability).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(number(|level| level.sellable))
    .bind::<Array<BigInt>, _>(number(|level| level.available))
    .bind::<Array<BigInt>, _>(number(|level| level.on_hand))
    .bind::<Array<BigInt>, _>(stocks.iter().map(|stock| stock.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
