//! Where something is pending that may be sent now.
//! The rule: who has waited longest comes first, so that of several in one chat none waits for ever.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DestinationId, OrganisationId};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::domain::Target;
use crate::error::Error;

/// Asks for every target with pending deliveries whose time has come, that which has waited longest since then first, but for
/// those that are blocked. One that is paused or silent is among them for the answers to buttons that were pressed there.
#[derive(Debug, Clone, Copy)]
pub struct ListTargets {
    /// Those outside of Telegram, or those on it.
    pub outside: bool,
    /// Mailboxes, too, of those outside.
    pub mail: bool,
}

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
            "select org_id, id from (
                 (select null::uuid as org_id, null::uuid as id, greatest(d.not_before, d.created_at) as since, d.id as first
                  from deliveries d
                  where not $1 and d.state = 'pending' and d.destination is null and d.not_before <= clock_timestamp()
                  order by d.not_before, d.id limit 1)
                 union all
                 select t.org_id, t.id, greatest(d.since, t.muted_until), d.first from destinations t cross join lateral (
                     select greatest(d.not_before, d.created_at) as since, d.id as first from deliveries d
                     where d.org_id = t.org_id and d.destination = t.id and d.state = 'pending'
                         and d.not_before <= clock_timestamp()
                     order by d.not_before, d.id limit 1) d
                 where (t.kind <> 'telegram') = $1 and (t.kind <> 'email' or $2) and t.state in ('active', 'unreachable') and t.blocked_until <= clock_timestamp()
                     and t.muted_until <= clock_timestamp()
                 union all
                 (select distinct on (d.org_id, d.destination) d.org_id, d.destination, d.created_at, d.id
                  from deliveries d join destinations t on t.org_id = d.org_id and t.id = d.destination
                  where not $1 and d.state = 'pending' and d.kind = 'action-answered' and d.not_before <= clock_timestamp()
                      and t.state in ('active', 'unreachable', 'paused') and t.blocked_until <= clock_timestamp()
                      and (t.state = 'paused' or t.muted_until > clock_timestamp())
                  order by d.org_id, d.destination, d.id)) targets
             order by since, first",
        )
        .bind::<Bool, _>(self.outside)
        .bind::<Bool, _>(self.mail)
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
