//! The organisation's categories as a query finds them, and what can be asked of them.

use std::sync::LazyLock;

use access::Permission;
use kernel::kinds;
use mediator::{Query, ReadConn, Tenant};
use query::{Answer, Entity, Field, FieldList, IdForm, Kind, Registry, Request};

use crate::error::Error;

/// Categories.
#[derive(Debug, Clone, Copy)]
pub struct Categories;

impl Entity for Categories {
    const NAME: &'static str = "Category";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> =
            LazyLock::new(|| Registry::new("categories", "searchable_categories", "r.category_id", "name", fields()));
        &REGISTRY
    }
}

fn fields() -> Vec<Field> {
    let category = || Kind::Id(IdForm::of::<kinds::Category>());
    vec![
        Field::id::<kinds::Category>("id", "r.category_id", "Its identity.").sorted().by_default(),
        Field::id::<kinds::Category>("parent", "r.parent_id", "The category above; none at the top.")
            .nullable()
            .counted()
            .by_default(),
        Field::array(
            "path",
            category(),
            "r.path",
            "The way from the top to it, itself included: to find what stands below a category.",
        )
        .by_default(),
        Field::one("name", Kind::Text, "r.name", "Its name for people.").sorted().by_default(),
        Field::one("slug", Kind::Text, "r.slug", "Its name in addresses.").by_default(),
        Field::one("position", Kind::Integer, "r.position::bigint", "Its place among its siblings, from 0.")
            .sorted()
            .by_default(),
        Field::one("depth", Kind::Integer, "cardinality(r.path)::bigint", "Its level; 1 at the top.")
            .sorted()
            .counted(),
        Field::one("icon", Kind::Text, "r.icon", "A name or a sign that stands for it.").nullable(),
        Field::one("image", Kind::Text, "r.image", "A link to its picture.").nullable(),
        Field::one("references", Kind::Object, "r.external_references", "What other systems call it."),
        Field::one("retired_at", Kind::Time, "r.retired_at", "When it was itself retired.").nullable().by_default(),
        Field::one("version", Kind::Integer, "r.version", "Rises by one with every change.").by_default(),
        Field::one("created_at", Kind::Time, "r.created_at", "When it was created.").sorted(),
        Field::one("updated_at", Kind::Time, "r.updated_at", "When it last changed.").sorted(),
    ]
}

/// Asks for categories.
#[derive(Debug, Clone)]
pub struct QueryCategories(pub Request<Categories>);

/// Asks for the fields of categories.
#[derive(Debug, Clone)]
pub struct DescribeCategories;

impl Query for QueryCategories {
    const NAME: &'static str = "category.query-categories";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = Answer<Categories>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Categories>, Error> {
        Ok(self.0.answer(read, Categories::registry()).await?)
    }
}

impl Query for DescribeCategories {
    const NAME: &'static str = "category.describe-categories";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(Categories::registry().describe())
    }
}
