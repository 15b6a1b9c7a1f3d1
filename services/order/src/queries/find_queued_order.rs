//! What became of one order that was taken in: for staff, and for whoever holds its token and the customer who wants it. To everybody
//! else it does not exist.

use access::Permission;
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Binary, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, OrderId, Timestamp, parse_name};
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{CancelledTurn, Intake, Ownership, Remark, TokenDigest},
    error::Error,
};

/// Asks as staff.
#[derive(Debug, Clone, Copy)]
pub struct FindQueuedOrder {
    /// The order to find.
    pub order: OrderId,
}

/// Asks as the shopper who wants it.
#[derive(Debug, Clone)]
pub struct FindOwnQueuedOrder {
    /// The order to find.
    pub order: OrderId,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
}

impl Query for FindQueuedOrder {
    const NAME: &'static str = "order.find-queued-order";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Intake;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Intake, Error> {
        find(read, self.order).await?.intake(self.order)
    }
}

impl Query for FindOwnQueuedOrder {
    const NAME: &'static str = "order.find-own-queued-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = Intake;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Intake, Error> {
        let row = find(read, self.order).await?;
        let (token, customer) = (TokenDigest::stored(row.token_digest.clone()), row.customer_id);
        if !self.proof.holds(&token, customer.map(CustomerId::from_uuid)) {
            return Err(Error::NotFound { order: self.order });
        }
        // Who did it and what was said about it is the staff's, as with every order.
        Ok(Intake { cancelled: None, ..row.intake(self.order)? })
    }
}

async fn find(read: &mut ReadConn<'_>, order: OrderId) -> Result<IntakeRow, Error> {
    let row: Option<IntakeRow> = statement(
        "select token_digest, customer_id, status, refusal, queued_at, decided_at, cancelled_by, cancel_reason
         from order_intake where org_id = $1 and id = $2",
    )
    .bind::<SqlUuid, _>(read.organisation().uuid())
    .bind::<SqlUuid, _>(order.uuid())
    .get_result(read.connection())
    .await
    .optional()?;
    row.ok_or(Error::NotFound { order })
}

#[derive(QueryableByName)]
struct IntakeRow {
    #[diesel(sql_type = Binary)]
    token_digest: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    refusal: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    queued_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    decided_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Text>)]
    cancelled_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    cancel_reason: Option<String>,
}

impl IntakeRow {
    fn intake(self, order: OrderId) -> Result<Intake, Error> {
        let refusal = self.refusal.map(serde_json::from_value).transpose();
        let reason = self.cancel_reason.as_deref().map(Remark::parse).transpose();
        let reason = reason.map_err(|malformed| Error::corrupt(order, malformed))?;
        Ok(Intake {
            order,
            status: parse_name("intake status", &self.status).map_err(|malformed| Error::corrupt(order, malformed))?,
            refusal: refusal.map_err(|error| Error::corrupt(order, error))?,
            queued_at: self.queued_at,
            decided_at: self.decided_at,
            cancelled: self.cancelled_by.map(|by| CancelledTurn { by, reason }),
        })
    }
}
