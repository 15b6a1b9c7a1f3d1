//! Where something is pending that may be sent.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DestinationId, OrganisationId};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::domain::Target;
use crate::error::Error;

/// Asks for every target with pending deliveries, but for those that are paused or blocked.
#[derive(Debug, Clone, Copy)]
pub struct ListTargets;

#[derive(QueryableByName)]
struct TargetRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    org_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
}

impl Query for ListTargets {
    const NAME: &'static str = "notifier.list-targets";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<Target>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<Target>, Error> {
        let rows: Vec<TargetRow> = persistence::statement(
            "select null::uuid as org_id, null::uuid as id
             where exists (select 1 from deliveries where state = 'pending' and destination is null)
             union all
             select t.org_id, t.id from destinations t
             where t.state in ('active', 'unreachable') and t.blocked_until <= clock_timestamp() and exists (
                 select 1 from deliveries d where d.org_id = t.org_id and d.destination = t.id and d.state = 'pending')",
        )
        .load(read.connection())
        .await?;
        let target = |row: TargetRow| match (row.org_id, row.id) {
            (Some(organisation), Some(id)) => Target::Destination {
                organisation: OrganisationId::from_uuid(organisation),
                destination: DestinationId::from_uuid(id),
            },
            _ => Target::Configured,
        };
        Ok(rows.into_iter().map(target).collect())
    }
}
