//! The notifier's own copy of orders.
//! The rule: an older version never overwrites a newer one, and the time of placing is kept from whichever event says it.

use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use persistence::{Platform, Tenants, Tx};

use crate::domain::OrderCopy;
use crate::error::Error;

/// Stores orders, each once and in the order of organisations and ids, unless newer states of them are there.
///
/// # Errors
/// When the database is away, or lines cannot be written as JSON.
pub async fn upsert(tx: &mut Tx<'_, Tenants>, orders: &[OrderCopy]) -> Result<(), Error> {
    if orders.is_empty() {
        return Ok(());
    }
    let lines = orders.iter().map(|order| serde_json::to_value(&order.lines)).collect::<Result<Vec<_>, _>>()?;
    let text = |of: fn(&OrderCopy) -> &str| orders.iter().map(of).collect::<Vec<_>>();
    let organisations: Vec<_> = orders.iter().map(|order| order.organisation.uuid()).collect();
    let ids: Vec<_> = orders.iter().map(|order| order.order.uuid()).collect();
    let count = |order: &OrderCopy| i32::try_from(order.line_count).unwrap_or(i32::MAX);
    persistence::statement(
        "insert into orders as known (org_id, id, number, status, payment, fulfilment, channel, currency, total_minor, lines,
                                      line_count, placed_at, said_at, version)
         select new.* from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
              as new (org_id, id, number, status, payment, fulfilment, channel, currency, total_minor, lines, line_count,
                      placed_at, said_at, version)
         on conflict (org_id, id) do update
         set number = coalesce(excluded.number, known.number), status = excluded.status, payment = excluded.payment,
             fulfilment = excluded.fulfilment, channel = excluded.channel, currency = excluded.currency,
             total_minor = excluded.total_minor, lines = excluded.lines, line_count = excluded.line_count,
             placed_at = coalesce(known.placed_at, excluded.placed_at), said_at = excluded.said_at,
             version = excluded.version
         where known.version < excluded.version",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
    .bind::<Array<SqlUuid>, _>(&ids)
    .bind::<Array<Nullable<BigInt>>, _>(orders.iter().map(|order| order.number).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(text(|order| order.status.into()))
    .bind::<Array<Text>, _>(text(|order| order.payment.into()))
    .bind::<Array<Text>, _>(text(|order| order.fulfilment.into()))
    .bind::<Array<Text>, _>(text(|order| order.channel.as_str()))
    .bind::<Array<Text>, _>(orders.iter().map(|order| order.total.currency().code().to_owned()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(orders.iter().map(|order| order.total.minor()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(lines)
    .bind::<Array<Integer>, _>(orders.iter().map(count).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(orders.iter().map(|order| order.placed_at).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(orders.iter().map(|order| order.said_at).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(orders.iter().map(|order| order.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    // That an order was placed may come after what became of it.
    let placed: Vec<&OrderCopy> = orders.iter().filter(|order| order.placed_at.is_some()).collect();
    if placed.is_empty() {
        return Ok(());
    }
    persistence::statement(
        "update orders known set placed_at = late.placed_at
         from unnest($1, $2, $3) as late (org_id, id, placed_at)
         where known.org_id = late.org_id and known.id = late.id and known.placed_at is null",
    )
    .bind::<Array<SqlUuid>, _>(placed.iter().map(|order| order.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(placed.iter().map(|order| order.order.uuid()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(placed.iter().filter_map(|order| order.placed_at).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The most orders that one call of [`forget`] deletes.
const FORGOTTEN_AT_ONCE: i64 = 5_000;

/// Deletes up to 5,000 orders of which nothing was said for more than `days`, and says whether there may be more.
///
/// # Errors
/// When the database is away.
pub async fn forget(tx: &mut Tx<'_, Platform>, days: i32) -> Result<bool, Error> {
    let deleted = persistence::statement(
        "delete from orders o using (
             select org_id, id from orders where said_at < now() - make_interval(days => $1)
             limit $2 for update skip locked) old
         where o.org_id = old.org_id and o.id = old.id",
    )
    .bind::<Integer, _>(days)
    .bind::<BigInt, _>(FORGOTTEN_AT_ONCE)
    .execute(tx.connection())
    .await?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted >= FORGOTTEN_AT_ONCE))
}
