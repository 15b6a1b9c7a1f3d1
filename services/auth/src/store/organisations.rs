//! Inserts organisations, and locks and saves the one that changes.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use persistence::{Platform, Tx};

use crate::{
    domain::{Country, Organisation},
    error::Error,
    projections::OrganisationRow,
    schema::organisations,
};

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
            organisations::country.eq(organisation.country.as_ref().map(Country::as_str)),
            organisations::time_zone.eq(organisation.time_zone.as_str()),
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

/// The organisation, locked until the transaction ends.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>) -> Result<Organisation, Error> {
    let id = tx.organisation();
    let row: OrganisationRow = organisations::table
        .filter(organisations::org_id.eq(id.uuid()))
        .select(OrganisationRow::as_select())
        .for_no_key_update()
        .get_result(tx.connection())
        .await?;
    row.try_into()
}

/// Saves a changed organisation.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, organisation: &Organisation) -> Result<(), Error> {
    diesel::update(organisations::table.filter(organisations::org_id.eq(organisation.id.uuid())))
        .set((
            organisations::name.eq(organisation.name.as_str()),
            organisations::country.eq(organisation.country.as_ref().map(Country::as_str)),
            organisations::time_zone.eq(organisation.time_zone.as_str()),
            organisations::guests.eq(organisation.guests),
            organisations::version.eq(organisation.version),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Any organisation, active or not, locked until the transaction ends.
///
/// # Errors
/// `UnknownOrganisation`, `Corrupt`, and `Storage` when the database fails.
pub async fn lock_any(tx: &mut Tx<'_, Platform>, organisation: OrganisationId) -> Result<Organisation, Error> {
    let row: Option<OrganisationRow> = organisations::table
        .filter(organisations::org_id.eq(organisation.uuid()))
        .select(OrganisationRow::as_select())
        .for_no_key_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or(Error::UnknownOrganisation)?.try_into()
}

/// Saves whether an organisation is active.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save_active(tx: &mut Tx<'_, Platform>, organisation: &Organisation) -> Result<(), Error> {
    diesel::update(organisations::table.filter(organisations::org_id.eq(organisation.id.uuid())))
        .set((organisations::active.eq(organisation.active), organisations::version.eq(organisation.version)))
        .execute(tx.connection())
        .await?;
    Ok(())
}
