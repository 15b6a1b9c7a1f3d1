//! Takes a category out of the tree, with everything below it. It keeps its place and its slug, so that it can come back.

use access::Permission;
use kernel::{CategoryId, Clock};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{domain::Category, error::Error, store::trees};

/// Retires a category; one that is retired already stays as it is.
#[derive(Debug, Clone)]
pub struct RetireCategory {
    /// The category.
    pub category: CategoryId,
}

impl Command for RetireCategory {
    const NAME: &'static str = "category.retire-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.retire(self.category, Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
