//! This service's own copy of who may do what. The rules: an older version never overwrites a newer one, and whoever is not known, or
//! has left, may do nothing.

use std::collections::HashMap;

use access::Permissions;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{MembershipId, OrganisationId, Timestamp, UserId};
use persistence::{Tenants, Tx, statement};
use uuid::Uuid;

use crate::{domain::Member, error::Error};

/// Stores the places of people, each once, unless newer states are there. A rebuild also replaces the state of the same version, which
/// corrects whatever somebody wrote past this service.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn apply(tx: &mut Tx<'_, Tenants>, members: &[Member], rebuild: bool) -> Result<(), Error> {
    statement(
        "insert into members as known (org_id, membership, user_id, permissions, active, version, touched_at)
         select new.*, clock_timestamp() from unnest($1, $2, $3, $4, $5, $6)
              as new (org_id, membership, user_id, permissions, active, version)
         on conflict (org_id, membership) do update
         set user_id = excluded.user_id, permissions = excluded.permissions, active = excluded.active,
             version = excluded.version, touched_at = excluded.touched_at
         where known.version < excluded.version or ($7 and known.version = excluded.version)",
    )
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.membership.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.user.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(members.iter().map(|member| member.permissions.to_string()).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(members.iter().map(|member| member.active).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(members.iter().map(|member| member.version).collect::<Vec<_>>())
    .bind::<Bool, _>(rebuild)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes the places that no record has touched since `since` and that are not among `unknown`; how many it were.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn drop_untouched(tx: &mut Tx<'_>, since: Timestamp, unknown: &[MembershipId]) -> Result<usize, Error> {
    let dropped = statement("delete from members where org_id = $1 and touched_at < $2 and not membership = any($3)")
        .bind::<SqlUuid, _>(tx.organisation().uuid())
        .bind::<Timestamptz, _>(since)
        .bind::<Array<SqlUuid>, _>(unknown.iter().map(|membership| membership.uuid()).collect::<Vec<_>>())
        .execute(tx.connection())
        .await?;
    Ok(dropped)
}

#[derive(QueryableByName)]
struct PermissionsRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Text)]
    permissions: String,
}

/// What these people may do in these organisations now. Whoever is no member is not among them.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn permissions(
    tx: &mut Tx<'_, Tenants>,
    people: &[(OrganisationId, UserId)],
) -> Result<HashMap<(OrganisationId, UserId), Permissions>, Error> {
    let rows: Vec<PermissionsRow> = statement(
        "select m.org_id, m.user_id, m.permissions from unnest($1, $2) as wanted (org_id, user_id)
         join members m on m.org_id = wanted.org_id and m.user_id = wanted.user_id and m.active",
    )
    .bind::<Array<SqlUuid>, _>(people.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(people.iter().map(|(_, user)| user.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut permissions: HashMap<_, Permissions> = HashMap::with_capacity(rows.len());
    for row in rows {
        let person = (OrganisationId::from_uuid(row.org_id), UserId::from_uuid(row.user_id));
        let known = permissions.entry(person).or_default();
        *known = known.union(Permissions::of_scope(&row.permissions));
    }
    Ok(permissions)
}
