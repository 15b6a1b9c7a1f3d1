//! What the sweeps of the system role look for. They find only; an ordinary command in the organisation then acts.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId, Timestamp};
use persistence::{SystemTx, statement};
use uuid::Uuid;

use crate::error::Error;

/// The open orders whose deadline has passed by the database's clock, at most `limit`, by organisation.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn overdue(system: &mut SystemTx, limit: i64) -> Result<Vec<(OrganisationId, OrderId)>, Error> {
    let rows: Vec<Due> = statement(
        "select org_id, id from orders where status = 'pending' and deadline_at <= now()
         order by org_id, deadline_at, id limit $1",
    )
    .bind::<BigInt, _>(limit)
    .load(system.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (OrganisationId::from_uuid(row.org_id), OrderId::from_uuid(row.id))).collect())
}

/// The database's clock, for everything that is later compared with it.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn now(system: &mut SystemTx) -> Result<Timestamp, Error> {
    let row: Now = statement("select clock_timestamp() as now").get_result(system.connection()).await?;
    Ok(row.now)
}

/// Every organisation of which the copy of the catalog holds anything.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn selling_organisations(system: &mut SystemTx) -> Result<Vec<OrganisationId>, Error> {
    let rows: Vec<Organisation> = statement("select org_id from sellable_products union select org_id from sellable")
        .load(system.connection())
        .await?;
    Ok(rows.into_iter().map(|row| OrganisationId::from_uuid(row.org_id)).collect())
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
}

#[derive(QueryableByName)]
struct Organisation {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
}
