//! Whether an order is told with buttons.

use access::Permission;
use contracts::order::Status;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, parse_name};
use mediator::{Query, ReadConn, Tenant};

use crate::error::Error;

/// Asks where an order stands, for its buttons. None where the order is not known, or the organisation has no member who could
/// press one.
#[derive(Debug, Clone, Copy)]
pub struct FindPressable {
    /// The order.
    pub order: OrderId,
}

#[derive(QueryableByName)]
struct StatusRow {
    #[diesel(sql_type = Text)]
    status: String,
}

impl Query for FindPressable {
    const NAME: &'static str = "notifier.find-pressable";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = Option<Status>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Option<Status>, Error> {
        let row: Option<StatusRow> = persistence::statement(
            "select status from orders where org_id = $1 and id = $2
             and exists (select from chat_links where org_id = $1 and telegram_user is not null)",
        )
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(self.order.uuid())
        .get_result(read.connection())
        .await
        .optional()?;
        let status = row.map(|row| parse_name("status", &row.status)).transpose();
        status.map_err(|error| Error::corrupt_copy(self.order, error))
    }
}
