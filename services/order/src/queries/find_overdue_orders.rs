//! The orders that the deadline sweep has to do with, whoever they belong to.

use std::collections::BTreeMap;

use access::Permission;
use contracts::topics;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Double, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId};
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::{domain::Deadline, error::Error};

/// Asks for the open orders whose deadline has passed by the database's clock, and for those whose deadline is near
/// although their placed event still waits in the outbox.
#[derive(Debug, Clone, Copy)]
pub struct FindOverdueOrders {
    /// The deadline of every order.
    pub deadline: Deadline,
    /// How many orders at most.
    pub limit: u16,
}

/// What is to be done with the orders of one organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Orders past their deadline.
    pub overdue: Vec<OrderId>,
    /// Orders of which catalog cannot have heard, and whose deadline may still be moved.
    pub unsent: Vec<OrderId>,
}

impl Query for FindOverdueOrders {
    const NAME: &'static str = "order.find-overdue-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeMap<OrganisationId, Due>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        // By hand, because the status must be a literal: PostgreSQL uses the index `orders_open` for nothing else. The
        // placed event is an order's first; the outbox is asked by its unique key. What the broker never takes is not
        // waited for.
        let rows: Vec<DueRow> = statement(
            "select org_id, id, unsent from (
                select o.org_id, o.id, o.deadline_at, o.deadline_at <= now() as overdue,
                       o.deadline_at < o.placed_at + make_interval(secs => $3)
                       and exists (select from outbox b where b.aggregateid = o.id::text and b.aggregatetype = $4
                                   and b.aggregateversion = 1)
                       and not exists (select from outbox_parked p
                                       where p.aggregatetype = $4 and p.aggregateid = o.id::text) as unsent
                from orders o where o.status = 'pending' and o.deadline_at <= now() + make_interval(secs => $2)
             ) open
             where overdue or unsent order by org_id, deadline_at, id limit $1",
        )
        .bind::<BigInt, _>(i64::from(self.limit))
        .bind::<Double, _>(self.deadline.ahead())
        .bind::<Double, _>(f64::from(self.deadline.limit_seconds))
        .bind::<Text, _>(topics::ORDER.name)
        .load(read.connection())
        .await?;
        let mut due: Self::Reply = BTreeMap::new();
        for row in rows {
            let Due { overdue, unsent } = due.entry(OrganisationId::from_uuid(row.org_id)).or_default();
            if row.unsent { unsent } else { overdue }.push(OrderId::from_uuid(row.id));
        }
        Ok(due)
    }
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    unsent: bool,
}
