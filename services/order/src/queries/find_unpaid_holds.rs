//! The confirmed orders that nobody has paid for in time, whoever they belong to.

use std::{collections::BTreeMap, time::Duration};

use access::Permission;
use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};

use super::owned_row::{OwnedRow, by_organisation};
use crate::error::Error;

/// Asks for orders of the shop that were confirmed so long ago by the database's clock, are not paid for and have nothing packed.
#[derive(Debug, Clone, Copy)]
pub struct FindUnpaidHolds {
    /// How long an order may hold stock that nobody has paid for.
    pub after: Duration,
    /// How many orders at most.
    pub limit: u16,
}

impl Query for FindUnpaidHolds {
    const NAME: &'static str = "order.find-unpaid-holds";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeMap<OrganisationId, Vec<OrderId>>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        // By hand, because the conditions must be literals: PostgreSQL uses the index `orders_unpaid_due` for nothing else.
        let rows: Vec<OwnedRow> = statement(
            "select o.org_id, o.id from orders o
             where o.status = 'confirmed' and o.payment_status = 'unpaid' and o.source = 'shop' and not o.adding
               and o.settled_at < now() - make_interval(secs => $1)
               and not exists (select from order_lines l
                               where l.org_id = o.org_id and l.order_id = o.id and l.packed > 0)
             order by o.settled_at limit $2",
        )
        .bind::<Double, _>(self.after.as_secs_f64())
        .bind::<BigInt, _>(i64::from(self.limit))
        .load(read.connection())
        .await?;
        Ok(by_organisation(rows))
    }
}
