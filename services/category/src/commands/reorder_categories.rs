//! Puts the children of one parent in an order that is stated as a whole.

use access::Permission;
use kernel::{CategoryId, Clock};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{domain::Category, error::Error, store::trees};

/// States the order of all children of a parent.
#[derive(Debug, Clone)]
pub struct ReorderCategories {
    /// The parent; none for the top level.
    pub parent: Option<CategoryId>,
    /// Each child once, retired ones included.
    pub children: Vec<CategoryId>,
}

impl Command for ReorderCategories {
    const NAME: &'static str = "category.reorder-categories";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = Vec<Category>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Vec<Category>, Error> {
        let mut tree = trees::lock(tx).await?;
        tree.reorder(self.parent, &self.children, Clock::now())?;
        save(tx, &tree).await?;
        Ok(tree.siblings(self.parent).cloned().collect())
    }
}
