//! Reservations: locked by order, written in one statement each way.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, Sku, Timestamp, VariantId};
use persistence::{Tx, statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::reservation::{Line, Reservation, State};
use crate::error::Error;
use crate::schema::reservations;

#[derive(Queryable, Selectable)]
#[diesel(table_name = reservations)]
struct ReservationRow {
    order_id: Uuid,
    state: String,
    lines: serde_json::Value,
    expires_at: Option<Timestamp>,
    confirm_refused: bool,
    version: i64,
}

#[derive(Serialize, Deserialize)]
struct LineRow {
    variant: Uuid,
    sku: Sku,
    quantity: i64,
}

impl TryFrom<ReservationRow> for Reservation {
    type Error = Error;

    fn try_from(row: ReservationRow) -> Result<Self, Error> {
        let lines: Vec<LineRow> =
            serde_json::from_value(row.lines).map_err(|cause| Error::corrupt("reservation", cause))?;
        Ok(Self {
            order: OrderId::from_uuid(row.order_id),
            state: kernel::parse_name("reservation state", &row.state)
                .map_err(|cause| Error::corrupt("reservation", cause))?,
            lines: lines
                .into_iter()
                .map(|line| Line { variant: VariantId::from_uuid(line.variant), sku: line.sku, pieces: line.quantity })
                .collect(),
            expires_at: row.expires_at,
            confirm_refused: row.confirm_refused,
            version: row.version,
        })
    }
}

/// Locks the reservations of these orders in the order of their ids. Orders without one are absent from the answer.
pub(crate) async fn lock(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Reservation>, Error> {
    let rows: Vec<ReservationRow> = reservations::table
        .filter(reservations::org_id.eq(tx.organisation().uuid()))
        .filter(reservations::order_id.eq_any(orders.iter().map(|order| order.uuid())))
        .order_by(reservations::order_id)
        .select(ReservationRow::as_select())
        .for_update()
        .load(tx.connection())
        .await?;
    rows.into_iter().map(Reservation::try_from).collect()
}

/// As [`lock`], for those that are due by the database's clock; skips those that another transaction has locked.
pub(crate) async fn lock_due(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Reservation>, Error> {
    let rows: Vec<ReservationRow> = reservations::table
        .filter(reservations::org_id.eq(tx.organisation().uuid()))
        .filter(reservations::order_id.eq_any(orders.iter().map(|order| order.uuid())))
        .filter(reservations::state.eq(<&str>::from(State::Reserved)))
        .filter(reservations::expires_at.le(diesel::dsl::now))
        .order_by(reservations::order_id)
        .select(ReservationRow::as_select())
        .for_update()
        .skip_locked()
        .load(tx.connection())
        .await?;
    rows.into_iter().map(Reservation::try_from).collect()
}

struct Columns {
    orders: Vec<Uuid>,
    states: Vec<&'static str>,
    lines: Vec<serde_json::Value>,
    expiries: Vec<Option<Timestamp>>,
    refused: Vec<bool>,
    versions: Vec<i64>,
}

fn columns(reservations: &[Reservation]) -> Result<Columns, Error> {
    let lines = |reservation: &Reservation| {
        let rows: Vec<LineRow> = reservation
            .lines
            .iter()
            .map(|line| LineRow { variant: line.variant.uuid(), sku: line.sku.clone(), quantity: line.pieces })
            .collect();
        serde_json::to_value(rows).map_err(|cause| Error::corrupt("reservation", cause))
    };
    Ok(Columns {
        orders: reservations.iter().map(|one| one.order.uuid()).collect(),
        states: reservations.iter().map(|one| one.state.into()).collect(),
        lines: reservations.iter().map(lines).collect::<Result<_, _>>()?,
        expiries: reservations.iter().map(|one| one.expires_at).collect(),
        refused: reservations.iter().map(|one| one.confirm_refused).collect(),
        versions: reservations.iter().map(|one| one.version).collect(),
    })
}

/// Inserts new reservations. Fails with [`Error::Overtaken`] when another transaction has inserted one of them
/// meanwhile; the second attempt finds it.
pub(crate) async fn insert(tx: &mut Tx<'_>, reservations: &[Reservation], now: Timestamp) -> Result<(), Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let columns = columns(reservations)?;
    statement(
        "insert into reservations
           (org_id, order_id, state, lines, expires_at, confirm_refused, version, updated_at)
         select $1, g.order_id, g.state, g.lines, g.expires_at, g.confirm_refused, g.version, $8
         from unnest($2, $3, $4, $5, $6, $7)
           as g(order_id, state, lines, expires_at, confirm_refused, version)
         order by g.order_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Jsonb>, _>(columns.lines)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes locked reservations; their lines never change.
pub(crate) async fn save(tx: &mut Tx<'_>, reservations: &[Reservation], now: Timestamp) -> Result<(), Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let columns = columns(reservations)?;
    statement(
        "update reservations t
         set state = g.state, expires_at = g.expires_at, confirm_refused = g.confirm_refused,
             version = g.version, updated_at = $7
         from unnest($2, $3, $4, $5, $6) as g(order_id, state, expires_at, confirm_refused, version)
         where t.org_id = $1 and t.order_id = g.order_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}
