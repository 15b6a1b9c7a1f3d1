//! The timeline of an order, newest first.

use access::Permission;
use contracts::order::{FulfilmentStatus, PaymentStatus, Status};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{Cursor, EventId, Malformed, OrderId, Page, PageSize, Timestamp, parse_name};
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Details, Remark, TimelineEntry},
    error::Error,
};

/// Asks for a page of the timeline of an order.
#[derive(Debug, Clone)]
pub struct ListTimeline {
    /// The order.
    pub order: OrderId,
    /// Where the page begins; `None` for the newest entry.
    pub cursor: Option<Cursor>,
    /// How many entries the page has at most.
    pub limit: PageSize,
}

impl Query for ListTimeline {
    const NAME: &'static str = "order.list-timeline";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Page<TimelineEntry>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<TimelineEntry>, Error> {
        let list = read.list("timeline", &self.order).await?;
        let before: i64 = list.mark(self.cursor.as_ref())?.unwrap_or(i64::MAX);
        let rows: Vec<EntryRow> = statement(
            "select version, from_status, to_status, event, payment_status, fulfilment_status, cause, actor, source_event,
                    reason, details, occurred_at
             from order_history where org_id = $1 and order_id = $2 and version < $3
             order by version desc limit $4",
        )
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(self.order.uuid())
        .bind::<BigInt, _>(before)
        .bind::<BigInt, _>(self.limit.rows())
        .load(read.connection())
        .await?;
        if rows.is_empty() && self.cursor.is_none() {
            return Err(Error::NotFound { order: self.order });
        }
        let entries = rows.into_iter().map(|row| row.entry(self.order)).collect::<Result<Vec<_>, _>>()?;
        Ok(list.page(entries, self.limit, |last| last.version)?)
    }
}

#[derive(QueryableByName)]
struct EntryRow {
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
