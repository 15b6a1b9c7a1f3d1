//! The orders that are due to be cancelled, whoever they belong to.

use std::collections::BTreeMap;

use access::Permission;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::error::Error;

/// Asks for the open orders whose deadline has passed by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct FindOverdueOrders {
    /// How many orders at most.
    pub limit: u16,
}

impl Query for FindOverdueOrders {
    const NAME: &'static str = "order.find-overdue-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeMap<OrganisationId, Vec<OrderId>>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        // By hand, because the status must be a literal: PostgreSQL uses the index `orders_open` for nothing else.
        let rows: Vec<OverdueRow> = statement(
            "select org_id, id from orders where status = 'pending' and deadline_at <= now()
             order by org_id, deadline_at, id limit $1",
        )
        .bind::<BigInt, _>(i64::from(self.limit))
        .load(read.connection())
        .await?;
        let mut overdue: Self::Reply = BTreeMap::new();
        for row in rows {
            overdue.entry(OrganisationId::from_uuid(row.org_id)).or_default().push(OrderId::from_uuid(row.id));
        }
        Ok(overdue)
    }
}

#[derive(QueryableByName)]
struct OverdueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}
