//! A row of the saved views as the domain's value.

use diesel::{Queryable, Selectable};
use kernel::{Malformed, Timestamp, ViewId};
use uuid::Uuid;

use crate::domain::view::{View, ViewName};
use crate::error::Error;
use crate::schema::saved_views;

#[derive(Queryable, Selectable)]
#[diesel(table_name = saved_views, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Row {
    view_id: Uuid,
    entity: String,
    name: String,
    query: serde_json::Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for View {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("view", cause);
        let serde_json::Value::Object(query) = row.query else {
            return Err(Error::corrupt("view", "its query is no object"));
        };
        Ok(Self {
            id: ViewId::from_uuid(row.view_id),
            name: ViewName::parse(&row.name).map_err(corrupt)?,
            entity: kernel::parse_name("entity", &row.entity).map_err(corrupt)?,
            query,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
