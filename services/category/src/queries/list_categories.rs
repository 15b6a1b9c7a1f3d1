//! The whole tree of an organisation for its staff, or a part of it, as a flat list: each parent comes right before its
//! children.

use access::Permission;
use kernel::CategoryId;
use mediator::{Query, ReadConn, Tenant};
use schemars::JsonSchema;
use serde::Serialize;

use super::find_category::above;
use crate::{
    domain::{Category, TreeError},
    error::Error,
    projections::forest::Forest,
};

/// Asks for every category of the organisation, or for one and everything below it.
#[derive(Debug, Clone, Copy)]
pub struct ListCategories {
    /// The category to begin with; none for the whole tree.
    pub root: Option<CategoryId>,
}

/// Every category that was asked for, at most 10,000.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CategoryList {
    /// Depth first and in the order of siblings: indented by the length of `path`, the list shows the tree.
    pub items: Vec<CategoryNode>,
}

/// A category with what its neighbours and its products make of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CategoryNode {
    /// The category itself.
    #[serde(flatten)]
    pub category: Category,
    /// Whether it, or a category above it, is retired: no shop shows it, and no product can be put into it.
    pub retired: bool,
    /// Products in the category itself, of every status.
    pub products: i64,
    /// Products in the category or anywhere below it, of every status, each counted once.
    pub products_below: i64,
}

impl Query for ListCategories {
    const NAME: &'static str = "category.list-categories";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = CategoryList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<CategoryList, Error> {
        let Some(root) = self.root else {
            return Ok(list(&Forest::whole(read).await?, false));
        };
        let forest = Forest::below(read, root).await?;
        let top = forest.categories().first().ok_or(TreeError::Unknown { category: root })?;
        let below_retired = above(read, top).await?.iter().any(|category| category.retired_at().is_some());
        Ok(list(&forest, below_retired))
    }
}

fn list(forest: &Forest, below_retired: bool) -> CategoryList {
    let (retired, counts) = (forest.retired(), forest.counts(|tally| tally.products));
    let node = |category: &Category| {
        let counted = counts.category(category.id());
        CategoryNode {
            category: category.clone(),
            retired: below_retired || retired.contains(&category.id()),
            products: counted.own,
            products_below: counted.below,
        }
    };
    CategoryList { items: forest.categories().iter().map(node).collect() }
}
