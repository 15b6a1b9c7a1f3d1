//! A whole category: the row that is selected, by whoever reads it, and that is written.

use std::collections::BTreeMap;

use diesel::{Insertable, Queryable, Selectable};
use kernel::{CategoryId, Malformed, OrganisationId, Slug, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{Category, CategoryName, Details, Icon, ImageLink, Placement, References},
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
    icon: Option<String>,
    image: Option<String>,
    external_references: serde_json::Value,
    retired_at: Option<Timestamp>,
}

impl CategoryRow {
    /// The row of a category of this organisation.
    pub(crate) fn of(organisation: OrganisationId, category: &Category) -> Self {
        let Details { name, slug, icon, image, references } = category.details();
        let references = references.iter().map(|(system, value)| (system.to_string(), value.as_str().into()));
        Self {
            org_id: organisation.uuid(),
            category_id: category.id().uuid(),
            parent_id: category.parent().map(CategoryId::uuid),
            name: name.as_str().to_owned(),
            slug: slug.to_string(),
            path: category.path().iter().map(|id| id.uuid()).collect(),
            position: category.position(),
            version: category.version(),
            created_at: category.created_at(),
            updated_at: category.updated_at(),
            icon: icon.as_ref().map(ToString::to_string),
            image: image.as_ref().map(ToString::to_string),
            external_references: serde_json::Value::Object(references.collect()),
            retired_at: category.retired_at(),
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
        let pairs: BTreeMap<String, String> = serde_json::from_value(row.external_references)
            .map_err(|_not_texts| corrupt(Malformed::new("references", "must be an object of texts")))?;
        let details = Details {
            name: CategoryName::parse(&row.name).map_err(corrupt)?,
            slug: Slug::parse(&row.slug).map_err(corrupt)?,
            icon: row.icon.as_deref().map(Icon::parse).transpose().map_err(corrupt)?,
            image: row.image.as_deref().map(ImageLink::parse).transpose().map_err(corrupt)?,
            references: References::parse(&pairs).map_err(corrupt)?,
        };
        Ok(Self::restore(id, details, at, row.retired_at, row.version, row.created_at, row.updated_at))
    }
}
