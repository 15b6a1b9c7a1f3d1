//! Inserts organisations, and locks and saves the one that changes.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Malformed, OrganisationId, Slug, Timestamp};
use persistence::{Platform, Tx};

use crate::{
    domain::{Country, Name, Organisation, TimeZone},
    error::Error,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = organisations, check_for_backend(diesel::pg::Pg))]
struct Row {
    slug: String,
    name: String,
    currency: String,
    country: Option<String>,
    time_zone: String,
    guests: bool,
    active: bool,
    version: i64,
    created_at: Timestamp,
}

impl Row {
    fn organisation(self, id: OrganisationId) -> Result<Organisation, Malformed> {
        Ok(Organisation {
            id,
            slug: Slug::parse(&self.slug)?,
            name: Name::parse(&self.name)?,
            currency: Currency::parse(&self.currency)?,
            country: self.country.as_deref().map(Country::parse).transpose()?,
            time_zone: TimeZone::parse(&self.time_zone)?,
            guests: self.guests,
            active: self.active,
            version: self.version,
            created_at: self.created_at,
        })
    }
}

/// The organisation, locked until the transaction ends.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>) -> Result<Organisation, Error> {
    let id = tx.organisation();
    let row: Row = organisations::table
        .filter(organisations::org_id.eq(id.uuid()))
        .select(Row::as_select())
        .for_no_key_update()
        .get_result(tx.connection())
        .await?;
    row.organisation(id).map_err(|malformed| Error::corrupt(id, &malformed))
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
    let row: Option<Row> = organisations::table
        .filter(organisations::org_id.eq(organisation.uuid()))
        .select(Row::as_select())
        .for_no_key_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    let row = row.ok_or(Error::UnknownOrganisation)?;
    row.organisation(organisation).map_err(|malformed| Error::corrupt(organisation, &malformed))
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
