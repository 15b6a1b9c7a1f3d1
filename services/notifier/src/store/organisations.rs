//! The notifier's own copy of the organisations' names.
//! The rule: an older version never overwrites a newer one.

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use persistence::{Tenants, Tx};

use crate::domain::OrganisationName;
use crate::error::Error;
use crate::schema::organisations::dsl::{active, name, org_id, organisations, slug, version};

/// Stores the names of organisations, each once, unless newer ones are there.
///
/// # Errors
/// When the database is away.
pub async fn upsert(tx: &mut Tx<'_, Tenants>, states: &[OrganisationName]) -> Result<(), Error> {
    let row = |state: &OrganisationName| {
        (
            org_id.eq(state.organisation.uuid()),
            slug.eq(state.slug.as_str().to_owned()),
            name.eq(state.name.clone()),
            active.eq(state.active),
            version.eq(state.version),
        )
    };
    diesel::insert_into(organisations)
        .values(states.iter().map(row).collect::<Vec<_>>())
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

/// Removes the names of organisations.
///
/// # Errors
/// When the database is away.
pub async fn remove(tx: &mut Tx<'_, Tenants>, removed: &[OrganisationId]) -> Result<(), Error> {
    let removed = removed.iter().map(|organisation| organisation.uuid());
    diesel::delete(FilterDsl::filter(organisations, org_id.eq_any(removed))).execute(tx.connection()).await?;
    Ok(())
}
