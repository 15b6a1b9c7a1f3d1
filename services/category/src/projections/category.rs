//! A whole category: the row that is selected, by whoever reads it, and that is written.

use diesel::{Insertable, Queryable, Selectable};
use kernel::{CategoryId, Malformed, OrganisationId, Slug, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{Category, CategoryName, Placement},
    error::Error,
    schema::categories,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = categories, check_for_backend(diesel::pg::Pg))]
pub(crate) struct CategoryRow {
    org_id: Uuid,
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

impl CategoryRow {
    /// The row of a category of this organisation.
    pub(crate) fn of(organisation: OrganisationId, category: &Category) -> Self {
        Self {
            org_id: organisation.uuid(),
            category_id: category.id().uuid(),
            parent_id: category.parent().map(CategoryId::uuid),
            name: category.name().as_str().to_owned(),
            slug: category.slug().to_string(),
            path: category.path().iter().map(|id| id.uuid()).collect(),
            position: category.position(),
            version: category.version(),
            created_at: category.created_at(),
            updated_at: category.updated_at(),
        }
    }
}

impl TryFrom<CategoryRow> for Category {
    type Error = Error;

    fn try_from(row: CategoryRow) -> Result<Self, Error> {
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
