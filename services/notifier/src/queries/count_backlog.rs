//! How many deliveries are pending, and since when, for the metrics.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use mediator::{Platform, Query, ReadConn};

use crate::error::Error;

/// Asks for the backlog of all organisations and chats.
#[derive(Debug, Clone, Copy)]
pub struct CountBacklog;

/// The pending deliveries.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Backlog {
    /// Their number.
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// When the oldest of them was written; `None` when there is none.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest: Option<Timestamp>,
}

impl Query for CountBacklog {
    const NAME: &'static str = "notifier.count-backlog";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Backlog;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Backlog, Error> {
        // The state is a part of the text, as in the store, so that the index of the pending deliveries is used.
        let count = persistence::statement(
            "select count(*) as pending, min(created_at) as oldest from deliveries where state = 'pending'",
        );
        Ok(count.get_result(read.connection()).await?)
    }
}
