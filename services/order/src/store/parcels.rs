//! Parcels. The rule: whoever writes one has locked its order.

use diesel::{ExpressionMethods, OptionalExtension, PgExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, ParcelId, Timestamp};
use persistence::Tx;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Dispatch, Label, SkuPieces},
    error::Error,
    schema::order_parcels,
};

/// Writes a parcel that left.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    order: OrderId,
    dispatch: &Dispatch,
    lines: &[SkuPieces],
    now: Timestamp,
) -> Result<(), Error> {
    let lines = serde_json::to_value(lines).map_err(|error| Error::corrupt(dispatch.id, error))?;
    diesel::insert_into(order_parcels::table)
        .values((
            order_parcels::org_id.eq(tx.organisation().uuid()),
            order_parcels::order_id.eq(order.uuid()),
            order_parcels::id.eq(dispatch.id.uuid()),
            order_parcels::carrier.eq(dispatch.carrier.as_ref().map(Label::as_str)),
            order_parcels::tracking_number.eq(dispatch.tracking_number.as_ref().map(Label::as_str)),
            order_parcels::lines.eq(lines),
            order_parcels::shipped_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A parcel that left before.
#[derive(Debug)]
pub struct SentParcel {
    /// Its identity.
    pub id: ParcelId,
    /// What is in it.
    pub lines: Vec<SkuPieces>,
    /// Whether it has arrived.
    pub delivered: bool,
}

/// A parcel of an order.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when its lines cannot be read.
pub async fn find(tx: &mut Tx<'_>, order: OrderId, parcel: ParcelId) -> Result<Option<SentParcel>, Error> {
    let row: Option<(Uuid, Value, Option<Timestamp>)> = order_parcels::table
        .filter(order_parcels::org_id.eq(tx.organisation().uuid()))
        .filter(order_parcels::order_id.eq(order.uuid()))
        .filter(order_parcels::id.eq(parcel.uuid()))
        .select((order_parcels::id, order_parcels::lines, order_parcels::delivered_at))
        .get_result(tx.connection())
        .await
        .optional()?;
    row.map(sent).transpose()
}

/// The parcel of an order that its carrier has under the same number.
///
/// # Errors
/// As [`find`].
pub async fn find_tracked(tx: &mut Tx<'_>, order: OrderId, dispatch: &Dispatch) -> Result<Option<SentParcel>, Error> {
    let Some(number) = &dispatch.tracking_number else { return Ok(None) };
    let row: Option<(Uuid, Value, Option<Timestamp>)> = order_parcels::table
        .filter(order_parcels::org_id.eq(tx.organisation().uuid()))
        .filter(order_parcels::order_id.eq(order.uuid()))
        .filter(order_parcels::carrier.is_not_distinct_from(dispatch.carrier.as_ref().map(Label::as_str)))
        .filter(order_parcels::tracking_number.eq(number.as_str()))
        .select((order_parcels::id, order_parcels::lines, order_parcels::delivered_at))
        .get_result(tx.connection())
        .await
        .optional()?;
    row.map(sent).transpose()
}

fn sent((id, lines, delivered_at): (Uuid, Value, Option<Timestamp>)) -> Result<SentParcel, Error> {
    let id = ParcelId::from_uuid(id);
    let lines = serde_json::from_value(lines).map_err(|error| Error::corrupt(id, error))?;
    Ok(SentParcel { id, lines, delivered: delivered_at.is_some() })
}

/// Writes that a parcel arrived.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn deliver(tx: &mut Tx<'_>, order: OrderId, parcel: ParcelId, now: Timestamp) -> Result<(), Error> {
    let row = order_parcels::table
        .filter(order_parcels::org_id.eq(tx.organisation().uuid()))
        .filter(order_parcels::order_id.eq(order.uuid()))
        .filter(order_parcels::id.eq(parcel.uuid()));
    diesel::update(row).set(order_parcels::delivered_at.eq(now)).execute(tx.connection()).await?;
    Ok(())
}
