//! Returns. The rule: whoever writes one has locked its order.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, ReturnId, Timestamp, parse_name};
use persistence::Tx;
use serde_json::Value;

use crate::{
    domain::{Remark, ReturnStatus, SkuPieces},
    error::Error,
    schema::order_returns,
};

/// Writes a return that somebody asked for.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    order: OrderId,
    id: ReturnId,
    reason: Option<&Remark>,
    lines: &[SkuPieces],
    now: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(order_returns::table)
        .values((
            order_returns::org_id.eq(tx.organisation().uuid()),
            order_returns::order_id.eq(order.uuid()),
            order_returns::id.eq(id.uuid()),
            order_returns::status.eq(<&str>::from(ReturnStatus::Requested)),
            order_returns::reason.eq(reason.map(Remark::as_str)),
            order_returns::lines.eq(json(id, lines)?),
            order_returns::requested_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Where a return of an order stands, and what it is about.
///
/// # Errors
/// `ReturnNotFound` when the order has no such return, `Storage` when the database fails, `Corrupt` when the row cannot be read.
pub async fn find(tx: &mut Tx<'_>, order: OrderId, id: ReturnId) -> Result<(ReturnStatus, Vec<SkuPieces>), Error> {
    let row: Option<(String, Value)> = order_returns::table
        .filter(order_returns::org_id.eq(tx.organisation().uuid()))
        .filter(order_returns::order_id.eq(order.uuid()))
        .filter(order_returns::id.eq(id.uuid()))
        .select((order_returns::status, order_returns::lines))
        .get_result(tx.connection())
        .await
        .optional()?;
    let (status, lines) = row.ok_or(Error::ReturnNotFound { order, id })?;
    let status = parse_name("return status", &status).map_err(|error| Error::corrupt(id, error))?;
    Ok((status, serde_json::from_value(lines).map_err(|error| Error::corrupt(id, error))?))
}

/// What became of a return.
#[derive(Debug)]
pub struct Settlement<'a> {
    /// Where it stands now.
    pub status: ReturnStatus,
    /// What can be sold again.
    pub restocked: &'a [SkuPieces],
    /// What cannot be.
    pub written_off: &'a [SkuPieces],
}

/// Writes what became of a return.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn settle(
    tx: &mut Tx<'_>,
    order: OrderId,
    id: ReturnId,
    settlement: Settlement<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let row = order_returns::table
        .filter(order_returns::org_id.eq(tx.organisation().uuid()))
        .filter(order_returns::order_id.eq(order.uuid()))
        .filter(order_returns::id.eq(id.uuid()));
    diesel::update(row)
        .set((
            order_returns::status.eq(<&str>::from(settlement.status)),
            order_returns::restocked.eq(json(id, settlement.restocked)?),
            order_returns::written_off.eq(json(id, settlement.written_off)?),
            order_returns::settled_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

fn json(id: ReturnId, lines: &[SkuPieces]) -> Result<Value, Error> {
    serde_json::to_value(lines).map_err(|error| Error::corrupt(id, error))
}
