//! The ids of what people asked for in a chat. The rule: each id is taken once, and kept longer than a topic or an inbox could bring
//! it again.

use std::collections::HashSet;

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Double, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{ActionId, OrganisationId};
use persistence::{Platform, Tenants, Tx, statement};
use uuid::Uuid;

use crate::error::Error;

#[derive(QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    action_id: Uuid,
}

/// Takes these ids: those that were not taken before.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn take(
    tx: &mut Tx<'_, Tenants>,
    actions: &[(OrganisationId, ActionId)],
) -> Result<HashSet<(OrganisationId, ActionId)>, Error> {
    let rows: Vec<TakenRow> = statement(
        "insert into answered_actions (org_id, action_id)
         select distinct new.org_id, new.action_id from unnest($1, $2) as new (org_id, action_id) order by 1, 2
         on conflict do nothing returning org_id, action_id",
    )
    .bind::<Array<SqlUuid>, _>(actions.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(actions.iter().map(|(_, action)| action.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let key = |row: TakenRow| (OrganisationId::from_uuid(row.org_id), ActionId::from_uuid(row.action_id));
    Ok(rows.into_iter().map(key).collect())
}

/// Removes ids that were taken more than `seconds` ago, at most `limit`; how many there were.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn clear(tx: &mut Tx<'_, Platform>, seconds: f64, limit: i64) -> Result<usize, Error> {
    Ok(statement(
        "delete from answered_actions where (org_id, action_id) in (
             select org_id, action_id from answered_actions
             where answered_at < now() - make_interval(secs => $1) limit $2)",
    )
    .bind::<Double, _>(seconds)
    .bind::<BigInt, _>(limit)
    .execute(tx.connection())
    .await?)
}
