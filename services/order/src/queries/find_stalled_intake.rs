//! The queued orders whose turn does not come, whoever they belong to.

use std::{collections::BTreeMap, time::Duration};

use access::Permission;
use contracts::topics;
use diesel::sql_types::{BigInt, Double, Text};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};

use super::owned_row::{OwnedRow, by_organisation};
use crate::error::Error;

/// Asks for orders that have waited for so long since they were queued or last asked for. One whose event still waits for Kafka, or in a
/// dead letter, is left out: its turn comes with that.
#[derive(Debug, Clone, Copy)]
pub struct FindStalledIntake {
    /// How long is too long.
    pub after: Duration,
    /// How many orders at most.
    pub limit: u16,
}

impl Query for FindStalledIntake {
    const NAME: &'static str = "order.find-stalled-intake";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeMap<OrganisationId, Vec<OrderId>>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        // Nothing was asked for before it was queued, so the index of what waits narrows this down by `queued_at`.
        let rows: Vec<OwnedRow> = statement(
            "select i.org_id, i.id from order_intake i
             where i.status = 'queued' and i.queued_at < now() - make_interval(secs => $1)
               and coalesce(i.asked_at, i.queued_at) < now() - make_interval(secs => $1)
               and not exists (select from outbox b where b.aggregateid = i.id::text and b.aggregatetype = $3)
               and not exists (select from parked_keys p where p.key = i.id::text and p.topic = $3)
             order by i.queued_at, i.id limit $2",
        )
        .bind::<Double, _>(self.after.as_secs_f64())
        .bind::<BigInt, _>(i64::from(self.limit))
        .bind::<Text, _>(topics::INTAKE.name)
        .load(read.connection())
        .await?;
        Ok(by_organisation(rows))
    }
}
