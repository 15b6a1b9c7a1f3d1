//! Inserts organisations.

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use persistence::{Platform, Tx};

use crate::{domain::Organisation, error::Error, schema::organisations};

/// The constraint that lets one organisation have a slug.
const SLUG: &str = "organisations_slug";
/// The constraint that an idempotency key violates when it comes again after its recorded reply was removed.
const IDENTITY: &str = "organisations_pkey";

/// Inserts a new organisation.
///
/// # Errors
/// `SlugTaken` when another organisation has its slug, `AlreadyCreated` when this one exists, `Storage` when the
/// database fails.
pub async fn insert(tx: &mut Tx<'_, Platform>, organisation: &Organisation) -> Result<(), Error> {
    diesel::insert_into(organisations::table)
        .values((
            organisations::org_id.eq(organisation.id.uuid()),
            organisations::slug.eq(organisation.slug.as_str()),
            organisations::name.eq(organisation.name.as_str()),
            organisations::currency.eq(organisation.currency.code()),
            organisations::active.eq(organisation.active),
            organisations::version.eq(organisation.version),
            organisations::created_at.eq(organisation.created_at),
        ))
        .execute(tx.connection())
        .await
        .map_err(|error| match persistence::Error::from(error) {
            error if error.is_unique(SLUG) => Error::SlugTaken { slug: organisation.slug.clone() },
            error if error.is_unique(IDENTITY) => Error::AlreadyCreated { organisation: organisation.id },
            error => Error::Storage(error),
        })?;
    Ok(())
}
