//! Brings a retired category back into the tree, with what was not retired below it by itself.

use access::Permission;
use kernel::{CategoryId, Clock};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{domain::Category, error::Error, store::trees};

/// Takes the retirement of a category back; one that is in use stays as it is.
#[derive(Debug, Clone)]
pub struct RestoreCategory {
    /// The category.
    pub category: CategoryId,
}

impl Command for RestoreCategory {
    const NAME: &'static str = "category.restore-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.restore_category(self.category, Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
