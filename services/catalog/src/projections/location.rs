//! A row of the locations as the domain's value.

use diesel::{Queryable, Selectable};
use kernel::{Malformed, Slug, Timestamp};

use crate::domain::location::Location;
use crate::domain::wording::Title;
use crate::error::Error;
use crate::schema::locations;

#[derive(Queryable, Selectable)]
#[diesel(table_name = locations, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Row {
    code: String,
    name: String,
    priority: i32,
    active: bool,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Location {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("location", cause);
        Ok(Self {
            code: Slug::parse(&row.code).map_err(corrupt)?,
            name: Title::parse(&row.name).map_err(corrupt)?,
            priority: row.priority,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
