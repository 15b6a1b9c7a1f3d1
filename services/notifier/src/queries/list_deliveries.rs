//! The log of a destination, the latest first.

use access::Permission;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Cursor, DeliveryId, DestinationId, Page, PageSize, Timestamp};
use mediator::{Query, ReadConn, Tenant};
use persistence::limited;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;
use crate::schema::{deliveries, destinations};

/// Asks for a page of the log of a destination.
#[derive(Debug, Clone)]
pub struct ListDeliveries {
    /// The destination.
    pub destination: DestinationId,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many entries it has at most.
    pub size: PageSize,
}

/// One entry of the log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryView {
    /// Its id.
    id: DeliveryId,
    /// What it tells, such as `order-placed`.
    kind: String,
    /// `pending`, `sent` or `failed`.
    state: String,
    /// Telegram's id of the message that told it.
    message: Option<i64>,
    /// Why it failed.
    cause: Option<String>,
    /// When it happened.
    occurred_at: Timestamp,
    /// When the notifier heard of it.
    created_at: Timestamp,
    /// When it was sent or failed.
    settled_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(diesel::pg::Pg))]
struct DeliveryRow {
    id: Uuid,
    kind: String,
    state: String,
    message_id: Option<i64>,
    cause: Option<String>,
    occurred_at: Timestamp,
    created_at: Timestamp,
    settled_at: Option<Timestamp>,
}

impl Query for ListDeliveries {
    const NAME: &'static str = "notifier.list-deliveries";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Page<DeliveryView>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<DeliveryView>, Error> {
        let organisation = read.organisation().uuid();
        let known: i64 = destinations::table
            .filter(destinations::org_id.eq(organisation))
            .filter(destinations::id.eq(self.destination.uuid()))
            .count()
            .get_result(read.connection())
            .await?;
        if known == 0 {
            return Err(Error::UnknownDestination { destination: self.destination });
        }
        let list = read.list("deliveries", &self.destination).await?;
        let before: Uuid = list.mark(self.cursor.as_ref()).map_err(Error::Cursor)?.unwrap_or(Uuid::max());
        let newest = deliveries::table
            .filter(deliveries::org_id.eq(organisation))
            .filter(deliveries::destination.eq(self.destination.uuid()))
            .filter(deliveries::id.lt(before))
            .order_by(deliveries::id.desc())
            .select(DeliveryRow::as_select());
        let rows: Vec<DeliveryRow> = limited(newest, self.size).load(read.connection()).await?;
        let items = rows.into_iter().map(DeliveryView::from).collect();
        list.page(items, self.size, |last: &DeliveryView| last.id.uuid()).map_err(Error::Cursor)
    }
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: DeliveryId::from_uuid(row.id),
            kind: row.kind,
            state: row.state,
            message: row.message_id,
            cause: row.cause,
            occurred_at: row.occurred_at,
            created_at: row.created_at,
            settled_at: row.settled_at,
        }
    }
}
