//! The row of an organisation.

use diesel::{Queryable, Selectable};
use kernel::{Currency, Malformed, OrganisationId, Slug, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{Country, Name, Organisation, TimeZone},
    error::Error,
    schema::organisations,
};

/// An organisation as it is stored.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = organisations, check_for_backend(diesel::pg::Pg))]
pub struct OrganisationRow {
    org_id: Uuid,
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

impl TryFrom<OrganisationRow> for Organisation {
    type Error = Error;

    fn try_from(row: OrganisationRow) -> Result<Self, Error> {
        let id = OrganisationId::from_uuid(row.org_id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, &malformed);
        Ok(Self {
            id,
            slug: Slug::parse(&row.slug).map_err(corrupt)?,
            name: Name::parse(&row.name).map_err(corrupt)?,
            currency: Currency::parse(&row.currency).map_err(corrupt)?,
            country: row.country.as_deref().map(Country::parse).transpose().map_err(corrupt)?,
            time_zone: TimeZone::parse(&row.time_zone).map_err(corrupt)?,
            guests: row.guests,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
        })
    }
}
