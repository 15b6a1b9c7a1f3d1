//! Reservations: locked by order, written in one statement each way, found by the sweep.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId, Sku, Timestamp, VariantId};
use persistence::{AsyncPgConnection, statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::reservation::{Line, Reservation, State};
use crate::error::CatalogError;

#[derive(QueryableByName)]
struct ReservationRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Jsonb)]
    lines: serde_json::Value,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<Timestamp>,
    #[diesel(sql_type = Bool)]
    confirm_refused: bool,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

#[derive(Serialize, Deserialize)]
struct LineRow {
    variant: Uuid,
    sku: Sku,
    quantity: i64,
}

impl ReservationRow {
    fn into_reservation(self) -> Result<Reservation, CatalogError> {
        let corrupt = |reason: String| CatalogError::Corrupt { what: "reservation", reason };
        let lines: Vec<LineRow> = serde_json::from_value(self.lines).map_err(|cause| corrupt(cause.to_string()))?;
        Ok(Reservation {
            order: OrderId::from_uuid(self.order_id),
            state: State::parse(&self.state).ok_or_else(|| corrupt(format!("state {}", self.state)))?,
            lines: lines
                .into_iter()
                .map(|line| Line { variant: VariantId::from_uuid(line.variant), sku: line.sku, pieces: line.quantity })
                .collect(),
            expires_at: self.expires_at,
            confirm_refused: self.confirm_refused,
            version: self.version,
        })
    }
}

/// Locks the reservations of these orders in the order of their ids. Orders without one are absent from the answer.
pub(crate) async fn lock(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    orders: &[OrderId],
) -> Result<Vec<Reservation>, CatalogError> {
    let rows: Vec<ReservationRow> = statement(
        "select order_id, state, lines, expires_at, confirm_refused, version
         from reservations where org_id = $1 and order_id = any($2) order by order_id for update",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|order| order.uuid()).collect::<Vec<_>>())
    .load(connection)
    .await?;
    rows.into_iter().map(ReservationRow::into_reservation).collect()
}

/// As [`lock`], for those that are due by the database's clock; passes by those that somebody else has locked.
pub(crate) async fn lock_due(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    orders: &[OrderId],
) -> Result<Vec<Reservation>, CatalogError> {
    let rows: Vec<ReservationRow> = statement(
        "select order_id, state, lines, expires_at, confirm_refused, version
         from reservations
         where org_id = $1 and order_id = any($2) and state = 'reserved' and expires_at <= now()
         order by order_id for update skip locked",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|order| order.uuid()).collect::<Vec<_>>())
    .load(connection)
    .await?;
    rows.into_iter().map(ReservationRow::into_reservation).collect()
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}

/// Reservations of all organisations that are past their time by the database's clock, at most `limit`.
pub(crate) async fn due(
    connection: &mut AsyncPgConnection,
    limit: usize,
) -> Result<Vec<(OrganisationId, OrderId)>, CatalogError> {
    let rows: Vec<DueRow> = statement(
        "select org_id, order_id from reservations
         where state = 'reserved' and expires_at <= now() order by org_id, order_id limit $1",
    )
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganisationId::from_uuid(row.org_id), OrderId::from_uuid(row.order_id))).collect())
}

struct Columns {
    orders: Vec<Uuid>,
    states: Vec<&'static str>,
    lines: Vec<serde_json::Value>,
    expiries: Vec<Option<Timestamp>>,
    refused: Vec<bool>,
    versions: Vec<i64>,
}

fn columns(reservations: &[Reservation]) -> Result<Columns, CatalogError> {
    let lines = |reservation: &Reservation| {
        let rows: Vec<LineRow> = reservation
            .lines
            .iter()
            .map(|line| LineRow { variant: line.variant.uuid(), sku: line.sku.clone(), quantity: line.pieces })
            .collect();
        serde_json::to_value(rows)
            .map_err(|cause| CatalogError::Corrupt { what: "reservation", reason: cause.to_string() })
    };
    Ok(Columns {
        orders: reservations.iter().map(|one| one.order.uuid()).collect(),
        states: reservations.iter().map(|one| one.state.as_str()).collect(),
        lines: reservations.iter().map(lines).collect::<Result<_, _>>()?,
        expiries: reservations.iter().map(|one| one.expires_at).collect(),
        refused: reservations.iter().map(|one| one.confirm_refused).collect(),
        versions: reservations.iter().map(|one| one.version).collect(),
    })
}

/// Inserts new reservations. Somebody who inserted one of them meanwhile makes this fail with
/// [`CatalogError::Overtaken`]; the second attempt finds it.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    reservations: &[Reservation],
    now: Timestamp,
) -> Result<(), CatalogError> {
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
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Jsonb>, _>(columns.lines)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes locked reservations; their lines never change.
pub(crate) async fn save(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    reservations: &[Reservation],
    now: Timestamp,
) -> Result<(), CatalogError> {
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
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}
