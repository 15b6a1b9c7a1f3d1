//! Gives a category another name, another slug, or both.

use access::Permission;
use kernel::{CategoryId, Clock, Expected, Slug};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{
    domain::{Category, CategoryName},
    error::Error,
    store::trees,
};

/// Changes the name or the slug of a category; what is none stays as it is.
#[derive(Debug, Clone)]
pub struct RenameCategory {
    /// The category to rename.
    pub category: CategoryId,
    /// The versions that the caller saw.
    pub expected: Expected,
    /// The name that people see.
    pub name: Option<CategoryName>,
    /// The name in addresses, unique among its siblings.
    pub slug: Option<Slug>,
}

impl Command for RenameCategory {
    const NAME: &'static str = "category.rename-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.rename(self.category, &self.expected, self.name.clone(), self.slug.clone(), Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
