//! The notifier's own copy of the organisations' names.
//! The rule: an older version never overwrites a newer one.

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use persistence::Tx;

use crate::domain::OrganisationName;
use crate::error::Error;
use crate::schema::organisations::dsl::{active, name, org_id, organisations, slug, version};

/// Stores the names of this transaction's organisation unless newer ones are there.
///
/// # Errors
/// When the database is away.
pub async fn upsert(tx: &mut Tx<'_>, state: &OrganisationName) -> Result<(), Error> {
    diesel::insert_into(organisations)
        .values((
            org_id.eq(tx.organisation().uuid()),
            slug.eq(state.slug.as_str()),
            name.eq(state.name.as_str()),
            active.eq(state.active),
            version.eq(state.version),
        ))
        .on_conflict(org_id)
        .do_update()
        .set((
            slug.eq(excluded(slug)),
            name.eq(excluded(name)),
            active.eq(excluded(active)),
            version.eq(excluded(version)),
        ))
        .filter(version.lt(excluded(version)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Removes the names of this transaction's organisation.
///
/// # Errors
/// When the database is away.
pub async fn remove(tx: &mut Tx<'_>) -> Result<(), Error> {
    diesel::delete(organisations.find(tx.organisation().uuid())).execute(tx.connection()).await?;
    Ok(())
}
