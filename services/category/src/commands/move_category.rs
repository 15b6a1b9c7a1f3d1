//! Moves a category, with everything below it, to another place in the tree.

use access::Permission;
use kernel::{CategoryId, Clock};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{domain::Category, error::Error, store::trees};

/// Puts a category under another parent, at another position, or both.
#[derive(Debug, Clone)]
pub struct MoveCategory {
    /// The category to move.
    pub category: CategoryId,
    /// The new parent; none for the top level.
    pub parent: Option<CategoryId>,
    /// Index among its new siblings; none means the end.
    pub position: Option<usize>,
}

impl Command for MoveCategory {
    const NAME: &'static str = "category.move-category";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Category, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.relocate(self.category, self.parent, self.position, Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.find(self.category)?.clone())
    }
}
