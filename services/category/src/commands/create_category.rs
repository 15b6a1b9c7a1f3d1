//! Adds a category to the tree.

use access::Permission;
use kernel::{CategoryId, Clock, Slug};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{
    domain::{Category, CategoryName, Details, Icon, ImageLink, References},
    error::Error,
    store::trees,
};

/// The slug of a category that is to be added.
#[derive(Debug, Clone)]
pub enum NewSlug {
    /// As it was asked for. When a sibling has it, the creation is refused.
    Asked(Slug),
    /// As the name suggests it. When a sibling has it, it gets a suffix.
    Suggested(Slug),
}

/// Adds a category under a parent, or at the top.
#[derive(Debug, Clone)]
pub struct CreateCategory {
    /// The id that it will have.
    pub category: CategoryId,
    /// The parent category; none for the top level.
    pub parent: Option<CategoryId>,
    /// The name that people see.
    pub name: CategoryName,
    /// The name in addresses, unique among its siblings.
    pub slug: NewSlug,
    /// The name of an icon, or an emoji.
    pub icon: Option<Icon>,
    /// An https address of an image.
    pub image: Option<ImageLink>,
    /// What other systems call it.
    pub references: References,
    /// Index among its siblings; none means the end.
    pub position: Option<usize>,
}

impl Command for CreateCategory {
    const NAME: &'static str = "category.create-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        let slug = match &self.slug {
            NewSlug::Asked(slug) => slug.clone(),
            NewSlug::Suggested(slug) => tree.free_slug(self.category, slug, self.parent),
        };
        let (name, icon, image) = (self.name.clone(), self.icon.clone(), self.image.clone());
        let details = Details { name, slug, icon, image, references: self.references.clone() };
        tree.add(self.category, details, self.parent, self.position, Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
