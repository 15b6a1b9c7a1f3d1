//! The notifier's own copy of who may do what.
//! The rule: an older version never overwrites a newer one.

use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use persistence::{Tenants, Tx};

use crate::domain::Member;
use crate::error::Error;

/// Stores the places of people, each once, unless newer states are there.
///
/// # Errors
/// When the database is away.
pub async fn upsert(tx: &mut Tx<'_, Tenants>, members: &[Member]) -> Result<(), Error> {
    persistence::statement(
        "insert into members as known (org_id, membership, user_id, permissions, active, version)
         select new.* from unnest($1, $2, $3, $4, $5, $6)
              as new (org_id, membership, user_id, permissions, active, version)
         on conflict (org_id, membership) do update
         set user_id = excluded.user_id, permissions = excluded.permissions, active = excluded.active,
             version = excluded.version
         where known.version < excluded.version",
    )
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.membership.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(members.iter().map(|member| member.user.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(members.iter().map(|member| member.permissions.to_string()).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(members.iter().map(|member| member.active).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(members.iter().map(|member| member.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
