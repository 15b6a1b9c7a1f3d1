//! SKUs of all organisations whose availability is to be published again. What is published is decided in their organisation.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, ProductId, Sku, Timestamp};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::domain::mark::Mark;
use crate::error::Error;

/// Asks for marks that have rested.
#[derive(Debug, Clone)]
pub struct FindMarks {
    /// Which of them, and in which order.
    pub order: MarkOrder,
    /// How long they must have rested, by the database's clock.
    pub rested: chrono::Duration,
    /// The most that are given.
    pub limit: u32,
}

/// Which marks are looked for, and in which order.
#[derive(Debug, Clone)]
pub enum MarkOrder {
    /// In the order of organisations and SKUs those behind this one; from the first one on when there is none.
    Behind(Option<Mark>),
    /// Those that came last, the latest first.
    Newest,
}

#[derive(QueryableByName)]
struct MarkRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Timestamptz)]
    marked_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    turned_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    product_id: Option<Uuid>,
}

impl Query for FindMarks {
    const NAME: &'static str = "catalog.find-availability-marks";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<Mark>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<Mark>, Error> {
        let rested = self.rested.num_milliseconds();
        let limit = i64::from(self.limit);
        let rows: Vec<MarkRow> = match &self.order {
            MarkOrder::Behind(after) => {
                let (organisation, sku) =
                    after.as_ref().map_or((Uuid::nil(), ""), |mark| (mark.organisation.uuid(), mark.sku.as_str()));
                statement(
                    "select org_id, sku, marked_at, turned_at, product_id from availability_marks
                     where (org_id, sku) > ($1, $2) and marked_at <= clock_timestamp() - $3 * interval '1 millisecond'
                     order by org_id, sku limit $4",
                )
                .bind::<SqlUuid, _>(organisation)
                .bind::<Text, _>(sku)
                .bind::<BigInt, _>(rested)
                .bind::<BigInt, _>(limit)
                .load(read.connection())
                .await?
            }
            // Compared with a value that is known when the index is read, which the time of a clock is not.
            MarkOrder::Newest => {
                statement(
                    "select org_id, sku, marked_at, turned_at, product_id from availability_marks
                     where marked_at <= statement_timestamp() - $1 * interval '1 millisecond'
                     order by marked_at desc limit $2",
                )
                .bind::<BigInt, _>(rested)
                .bind::<BigInt, _>(limit)
                .load(read.connection())
                .await?
            }
        };
        rows.into_iter().map(Mark::try_from).collect()
    }
}

impl TryFrom<MarkRow> for Mark {
    type Error = Error;

    fn try_from(row: MarkRow) -> Result<Self, Error> {
        Ok(Self {
            organisation: OrganisationId::from_uuid(row.org_id),
            sku: Sku::parse(&row.sku).map_err(|cause| Error::corrupt("mark of a SKU", cause))?,
            marked_at: row.marked_at,
            turned: row.turned_at.zip(row.product_id.map(ProductId::from_uuid)),
        })
    }
}
