//! How many deliveries are pending, and since when, for the metrics.
//! The rule: what staff, the chat itself or the clock holds back is counted by itself, so that the age of the others says whether Telegram
//! is away.

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
    /// The number of those that may be sent now.
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// Since when the oldest of those may be sent; `None` when there is none.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest: Option<Timestamp>,
    /// The number of those whose destination is paused, silent or unreachable, or whose time has not come.
    #[diesel(sql_type = BigInt)]
    pub held: i64,
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
            "select count(*) filter (where free) as pending, min(since) filter (where free) as oldest,
                 count(*) filter (where not free) as held
             from (select greatest(d.created_at, d.not_before, t.muted_until) as since,
                       (d.destination is null or coalesce(t.state = 'active' and t.muted_until <= clock_timestamp(), false))
                           and d.not_before <= now() as free
                   from deliveries d left join destinations t on t.org_id = d.org_id and t.id = d.destination
                   where d.state = 'pending') pending",
        );
        Ok(count.get_result(read.connection()).await?)
    }
}
