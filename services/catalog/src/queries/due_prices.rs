//! Prices of all organisations that begin or end about now. What becomes of them is decided in their organisation.

use std::collections::BTreeSet;
use std::time::Duration;

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, ProductId, Timestamp};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::error::Error;

/// Asks for the next prices that begin or end, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct FindDuePrices {
    /// How far ahead to look.
    pub ahead: Duration,
    /// The most prices that are looked at.
    pub limit: u32,
}

/// What begins or ends about now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuePrices {
    /// The products whose prices have begun or ended, by their organisation, and the time of that; nothing when there is none.
    pub due: Option<(Timestamp, BTreeSet<(OrganisationId, ProductId)>)>,
    /// Whether there may be more.
    pub more: bool,
    /// How long it is until the next one, when that is not further ahead than was looked.
    pub next: Option<Duration>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    next_boundary: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

impl Query for FindDuePrices {
    const NAME: &'static str = "catalog.find-due-prices";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = DuePrices;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<DuePrices, Error> {
        let rows: Vec<DueRow> = statement(
            "select org_id, product_id, next_boundary, now() as at from prices
             where next_boundary <= now() + make_interval(secs => $1) order by next_boundary limit $2",
        )
        .bind::<Double, _>(self.ahead.as_secs_f64())
        .bind::<BigInt, _>(i64::from(self.limit))
        .load(read.connection())
        .await?;
        let mut found = DuePrices { more: rows.len() >= self.limit as usize, ..DuePrices::default() };
        for row in rows {
            if row.next_boundary > row.at {
                // They come in the order of time, so whatever is due has been seen.
                found.next = (row.next_boundary - row.at).to_std().ok();
                found.more = false;
                break;
            }
            let product = (OrganisationId::from_uuid(row.org_id), ProductId::from_uuid(row.product_id));
            found.due.get_or_insert_with(|| (row.at, BTreeSet::new())).1.insert(product);
        }
        Ok(found)
    }
}
