//! The one row that every query of categories selects. Reading needs no lock and no tree, so it shares nothing with
//! `store/`.

use diesel::{Queryable, Selectable};
use kernel::{CategoryId, Malformed, Slug, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{Category, CategoryName, Placement},
    error::Error,
    schema::categories,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = categories, check_for_backend(diesel::pg::Pg))]
pub(super) struct Row {
    category_id: Uuid,
    parent_id: Option<Uuid>,
    name: String,
    slug: String,
    path: Vec<Uuid>,
    position: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Category {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = CategoryId::from_uuid(row.category_id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, &malformed);
        let at = Placement {
            parent: row.parent_id.map(CategoryId::from_uuid),
            path: row.path.into_iter().map(CategoryId::from_uuid).collect(),
            position: row.position,
        };
        let name = CategoryName::parse(&row.name).map_err(corrupt)?;
        let slug = Slug::parse(&row.slug).map_err(corrupt)?;
        Ok(Self::restore(id, name, slug, at, row.version, row.created_at, row.updated_at))
    }
}
