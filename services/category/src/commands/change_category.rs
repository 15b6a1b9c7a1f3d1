//! Changes what a category says of itself: name, slug, icon, image, references.

use access::Permission;
use kernel::{CategoryId, Clock, Expected};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{
    domain::{Category, DetailsChange},
    error::Error,
    store::trees,
};

/// Changes the details of a category; what is none stays as it is.
#[derive(Debug, Clone)]
pub struct ChangeCategory {
    /// The category to change.
    pub category: CategoryId,
    /// The versions that the caller saw.
    pub expected: Expected,
    /// What is to be different.
    pub change: DetailsChange,
}

impl Command for ChangeCategory {
    const NAME: &'static str = "category.change-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.describe(self.category, &self.expected, self.change.clone(), Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
