//! Reservations: locked by order, written in one statement each way.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId, Sku, Timestamp, VariantId};
use persistence::{Tenancy, Tenants, Tx, statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::reservation::{Line, Moved, Reservation, State};
use crate::error::Error;
use crate::schema::reservations;

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = reservations, check_for_backend(diesel::pg::Pg))]
struct ReservationRow {
    org_id: Uuid,
    order_id: Uuid,
    state: String,
    lines: serde_json::Value,
    expires_at: Option<Timestamp>,
    confirm_refused: bool,
    addition: i64,
    version: i64,
}

#[derive(Serialize, Deserialize)]
struct LineRow {
    variant: Uuid,
    sku: Sku,
    quantity: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    shipped: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    cancelled: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    restocked: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    oversold: i64,
}

/// Lines of which nothing moved are written as they always were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_none(pieces: &i64) -> bool {
    *pieces == 0
}

impl LineRow {
    fn of(line: &Line) -> Self {
        let Moved { shipped, cancelled, restocked } = line.moved;
        Self {
            variant: line.variant.uuid(),
            sku: line.sku.clone(),
            quantity: line.pieces,
            shipped,
            cancelled,
            restocked,
            oversold: line.oversold,
        }
    }

    fn into_line(self) -> Line {
        let moved = Moved { shipped: self.shipped, cancelled: self.cancelled, restocked: self.restocked };
        let (variant, oversold) = (VariantId::from_uuid(self.variant), self.oversold);
        Line { variant, sku: self.sku, pieces: self.quantity, moved, oversold }
    }
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
            lines: lines.into_iter().map(LineRow::into_line).collect(),
            expires_at: row.expires_at,
            confirm_refused: row.confirm_refused,
            addition: row.addition,
            version: row.version,
        })
    }
}

/// Locks the reservations of these orders, of however many organisations, in the order of their ids. Orders without one
/// are absent from the answer.
pub(crate) async fn lock(
    tx: &mut Tx<'_, Tenants>,
    orders: &[(OrganisationId, OrderId)],
) -> Result<Vec<(OrganisationId, Reservation)>, Error> {
    // Diesel cannot join what is looked for as a table.
    let rows: Vec<ReservationRow> = statement(
        "select r.org_id, r.order_id, r.state, r.lines, r.expires_at, r.confirm_refused, r.addition, r.version
         from unnest($1, $2) as wanted(org_id, order_id)
         join reservations r on r.org_id = wanted.org_id and r.order_id = wanted.order_id
         order by r.org_id, r.order_id
         for update of r",
    )
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(_, order)| order.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    rows.into_iter().map(|row| Ok((OrganisationId::from_uuid(row.org_id), row.try_into()?))).collect()
}

/// As [`lock`], for those of one organisation that are due by the database's clock; skips those that another transaction has locked.
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
    organisations: Vec<Uuid>,
    orders: Vec<Uuid>,
    states: Vec<&'static str>,
    lines: Vec<serde_json::Value>,
    expiries: Vec<Option<Timestamp>>,
    refused: Vec<bool>,
    additions: Vec<i64>,
    versions: Vec<i64>,
}

fn columns(reservations: &[(OrganisationId, &Reservation)]) -> Result<Columns, Error> {
    let lines = |reservation: &Reservation| {
        let rows: Vec<LineRow> = reservation.lines.iter().map(LineRow::of).collect();
        serde_json::to_value(rows).map_err(|cause| Error::corrupt("reservation", cause))
    };
    let each = || reservations.iter().map(|(_, reservation)| *reservation);
    Ok(Columns {
        organisations: reservations.iter().map(|(organisation, _)| organisation.uuid()).collect(),
        orders: each().map(|one| one.order.uuid()).collect(),
        states: each().map(|one| one.state.into()).collect(),
        lines: each().map(lines).collect::<Result<_, _>>()?,
        expiries: each().map(|one| one.expires_at).collect(),
        refused: each().map(|one| one.confirm_refused).collect(),
        additions: each().map(|one| one.addition).collect(),
        versions: each().map(|one| one.version).collect(),
    })
}

/// Inserts new reservations. Fails with [`Error::Overtaken`] when another transaction has inserted one of them
/// meanwhile; the second attempt finds it.
pub(crate) async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    reservations: &[(OrganisationId, &Reservation)],
    now: Timestamp,
) -> Result<(), Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let columns = columns(reservations)?;
    statement(
        "insert into reservations
           (org_id, order_id, state, lines, expires_at, confirm_refused, version, updated_at, addition)
         select g.org_id, g.order_id, g.state, g.lines, g.expires_at, g.confirm_refused, g.version, $8, g.addition
         from unnest($1, $2, $3, $4, $5, $6, $7, $9)
           as g(org_id, order_id, state, lines, expires_at, confirm_refused, version, addition)
         order by g.org_id, g.order_id",
    )
    .bind::<Array<SqlUuid>, _>(columns.organisations)
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Jsonb>, _>(columns.lines)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<BigInt>, _>(columns.additions)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes locked reservations.
pub(crate) async fn save<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    reservations: &[(OrganisationId, &Reservation)],
    now: Timestamp,
) -> Result<(), Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let columns = columns(reservations)?;
    statement(
        "update reservations t
         set state = g.state, expires_at = g.expires_at, confirm_refused = g.confirm_refused, lines = g.lines,
             addition = g.addition, version = g.version, updated_at = $7
         from unnest($1, $2, $3, $4, $5, $6, $8, $9)
           as g(org_id, order_id, state, expires_at, confirm_refused, version, lines, addition)
         where t.org_id = g.org_id and t.order_id = g.order_id",
    )
    .bind::<Array<SqlUuid>, _>(columns.organisations)
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Text>, _>(columns.states)
    .bind::<Array<Nullable<Timestamptz>>, _>(columns.expiries)
    .bind::<Array<Bool>, _>(columns.refused)
    .bind::<Array<BigInt>, _>(columns.versions)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Jsonb>, _>(columns.lines)
    .bind::<Array<BigInt>, _>(columns.additions)
    .execute(tx.connection())
    .await?;
    Ok(())
}
