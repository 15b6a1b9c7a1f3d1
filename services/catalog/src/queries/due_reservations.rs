//! Reservations of all organisations that nobody confirmed in time. What becomes of them is decided in their organisation.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::error::Error;

/// Asks for reservations that are past their time by the database's clock, sorted by organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindDueReservations {
    /// The last one that was found before; none at first.
    pub after: Option<DueReservation>,
    /// The most that are given.
    pub limit: u32,
}

/// A reservation that is past its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueReservation {
    /// The order's organisation.
    pub organisation: OrganisationId,
    /// The order whose reservation it is.
    pub order: OrderId,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}

impl Query for FindDueReservations {
    const NAME: &'static str = "catalog.find-due-reservations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<DueReservation>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<DueReservation>, Error> {
        let (organisation, order) =
            self.after.map_or((Uuid::nil(), Uuid::nil()), |after| (after.organisation.uuid(), after.order.uuid()));
        // Diesel would bind the state, and a placeholder does not match the condition of the partial index.
        let rows: Vec<DueRow> = statement(
            "select org_id, order_id from reservations
             where state = 'reserved' and expires_at <= now() and (org_id, order_id) > ($1, $2)
             order by org_id, order_id limit $3",
        )
        .bind::<SqlUuid, _>(organisation)
        .bind::<SqlUuid, _>(order)
        .bind::<BigInt, _>(i64::from(self.limit))
        .load(read.connection())
        .await?;
        Ok(rows.into_iter().map(DueReservation::from).collect())
    }
}

impl From<DueRow> for DueReservation {
    fn from(row: DueRow) -> Self {
        Self { organisation: OrganisationId::from_uuid(row.org_id), order: OrderId::from_uuid(row.order_id) }
    }
}
