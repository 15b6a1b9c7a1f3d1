//! Own copy of the organisations' names; an older version never overwrites a newer one.

use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use persistence::Tx;

use crate::domain::OrganisationName;

/// Stores the state of this transaction's organisation unless a newer one is there.
///
/// # Errors
/// When the database is away.
pub async fn upsert(tx: &mut Tx<'_>, organisation: &OrganisationName) -> Result<(), persistence::Error> {
    let organisation_id = tx.organisation().uuid();
    persistence::statement(
        "insert into organisations as mine (org_id, slug, name, active, version) values ($1, $2, $3, $4, $5)
         on conflict (org_id) do update
         set slug = excluded.slug, name = excluded.name, active = excluded.active, version = excluded.version
         where mine.version < excluded.version",
    )
    .bind::<SqlUuid, _>(organisation_id)
    .bind::<Text, _>(organisation.slug.as_str())
    .bind::<Text, _>(organisation.name.as_str())
    .bind::<Bool, _>(organisation.active)
    .bind::<BigInt, _>(organisation.version)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets this transaction's organisation.
///
/// # Errors
/// When the database is away.
pub async fn remove(tx: &mut Tx<'_>) -> Result<(), persistence::Error> {
    let organisation_id = tx.organisation().uuid();
    persistence::statement("delete from organisations where org_id = $1")
        .bind::<SqlUuid, _>(organisation_id)
        .execute(tx.connection())
        .await?;
    Ok(())
}
