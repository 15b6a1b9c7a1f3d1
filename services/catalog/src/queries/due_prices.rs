//! Prices of all organisations that begin or end about now. What becomes of them is decided in their organisation.

use std::collections::BTreeSet;
use std::time::Duration;

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, PriceId, ProductId, Timestamp};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::error::Error;

/// Asks for the next prices that begin or end, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct FindDuePrices {
    /// How far ahead to look.
    pub ahead: Duration,
    /// The last price that was looked at before; none at first.
    pub after: Option<DuePosition>,
    /// The most prices that are looked at.
    pub limit: u32,
}

/// Where a price stands among those that begin or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePosition {
    at: Timestamp,
    organisation: OrganisationId,
    price: PriceId,
}

/// What begins or ends about now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuePrices {
    /// The products whose prices have begun or ended, by their organisation, and the time of that; nothing when there is none.
    pub due: Option<(Timestamp, BTreeSet<(OrganisationId, ProductId)>)>,
    /// The last price that was looked at, when there may be more behind it.
    pub more: Option<DuePosition>,
    /// How long it is until the next one, when that is not further ahead than was looked.
    pub next: Option<Duration>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    price_id: Uuid,
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
        // Everything is behind a moment that lies before all others, which a comparison of rows needs.
        let (at, organisation, price) = self.after.map_or((Timestamp::UNIX_EPOCH, Uuid::nil(), Uuid::nil()), |after| {
            (after.at, after.organisation.uuid(), after.price.uuid())
        });
        let rows: Vec<DueRow> = statement(
            "select org_id, product_id, price_id, next_boundary, now() as at from prices
             where next_boundary <= now() + make_interval(secs => $1)
               and (next_boundary, org_id, price_id) > ($2, $3, $4)
             order by next_boundary, org_id, price_id limit $5",
        )
        .bind::<Double, _>(self.ahead.as_secs_f64())
        .bind::<Timestamptz, _>(at)
        .bind::<SqlUuid, _>(organisation)
        .bind::<SqlUuid, _>(price)
        .bind::<BigInt, _>(i64::from(self.limit))
        .load(read.connection())
        .await?;
        let is_full = rows.len() >= self.limit as usize;
        let mut found =
            DuePrices { more: rows.last().filter(|_| is_full).map(DueRow::position), ..DuePrices::default() };
        for row in rows {
            if row.next_boundary > row.at {
                // They come in the order of time, so whatever is due has been seen.
                found.next = (row.next_boundary - row.at).to_std().ok();
                found.more = None;
                break;
            }
            let product = (OrganisationId::from_uuid(row.org_id), ProductId::from_uuid(row.product_id));
            found.due.get_or_insert_with(|| (row.at, BTreeSet::new())).1.insert(product);
        }
        Ok(found)
    }
}

impl DueRow {
    fn position(&self) -> DuePosition {
        DuePosition {
            at: self.next_boundary,
            organisation: OrganisationId::from_uuid(self.org_id),
            price: PriceId::from_uuid(self.price_id),
        }
    }
}
