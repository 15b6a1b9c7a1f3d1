//! Entries of the history as rows. The rule: the index of the history is read in its order, and no more rows than are asked for.

use std::collections::HashMap;

use contracts::order::{FulfilmentStatus, PaymentStatus, Status};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{EventId, Malformed, OrderId, Timestamp, parse_name};
use persistence::{ReadConn, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Details, Remark, TimelineEntry},
    error::Error,
};

/// The SELECT of entries of the organisation `$1`, up to its further condition.
macro_rules! entries {
    () => {
        "select order_id, version, from_status, to_status, event, payment_status, fulfilment_status, cause, actor, source_event,
                reason, details, occurred_at
         from order_history where org_id = $1 and "
    };
    ($condition:literal) => {
        concat!(entries!(), "order_id = $2 and ", $condition, " limit $4")
    };
}

/// The entries before this version, the newest first.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub(super) async fn before(
    read: &mut ReadConn<'_>,
    order: OrderId,
    version: i64,
    limit: i64,
) -> Result<Vec<TimelineEntry>, Error> {
    load(read, entries!("version < $3 order by version desc"), order, version, limit).await
}

/// The entries after this version, the oldest first.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub(super) async fn after(
    read: &mut ReadConn<'_>,
    order: OrderId,
    version: i64,
    limit: i64,
) -> Result<Vec<TimelineEntry>, Error> {
    load(read, entries!("version > $3 order by version"), order, version, limit).await
}

/// The entries of these orders, oldest first.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub(super) async fn of_orders(
    read: &mut ReadConn<'_>,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<TimelineEntry>>, Error> {
    let rows: Vec<EntryRow> = statement(concat!(entries!(), "order_id = any($2) order by order_id, version"))
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<Array<SqlUuid>, _>(orders.iter().map(|order| order.uuid()).collect::<Vec<_>>())
        .load(read.connection())
        .await?;
    let mut timelines: HashMap<OrderId, Vec<TimelineEntry>> = HashMap::new();
    for row in rows {
        let order = OrderId::from_uuid(row.order_id);
        timelines.entry(order).or_default().push(row.entry(order)?);
    }
    Ok(timelines)
}

async fn load(
    read: &mut ReadConn<'_>,
    select: &'static str,
    order: OrderId,
    version: i64,
    limit: i64,
) -> Result<Vec<TimelineEntry>, Error> {
    let rows: Vec<EntryRow> = statement(select)
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(order.uuid())
        .bind::<BigInt, _>(version)
        .bind::<BigInt, _>(limit)
        .load(read.connection())
        .await?;
    rows.into_iter().map(|row| row.entry(order)).collect()
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<Text>)]
    from_status: Option<String>,
    #[diesel(sql_type = Text)]
    to_status: String,
    #[diesel(sql_type = Nullable<Text>)]
    event: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    payment_status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    fulfilment_status: Option<String>,
    #[diesel(sql_type = Text)]
    cause: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    source_event: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Jsonb)]
    details: Value,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: Timestamp,
}

impl EntryRow {
    fn entry(self, order: OrderId) -> Result<TimelineEntry, Error> {
        let details: Details = serde_json::from_value(self.details).map_err(|error| Error::corrupt(order, error))?;
        let read = || -> Result<TimelineEntry, Malformed> {
            let status = |text: &String| parse_name::<Status>("order status", text);
            let payment = |text: &String| parse_name::<PaymentStatus>("payment status", text);
            let fulfilment = |text: &String| parse_name::<FulfilmentStatus>("fulfilment status", text);
            Ok(TimelineEntry {
                version: self.version,
                from: self.from_status.as_ref().map(status).transpose()?,
                to: status(&self.to_status)?,
                payment_status: self.payment_status.as_ref().map(payment).transpose()?,
                fulfilment_status: self.fulfilment_status.as_ref().map(fulfilment).transpose()?,
                event: self.event,
                cause: self.cause,
                actor: self.actor,
                source_event: self.source_event.map(EventId::from_uuid),
                reason: self.reason.as_deref().map(Remark::parse).transpose()?,
                details,
                occurred_at: self.occurred_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(order, malformed))
    }
}
