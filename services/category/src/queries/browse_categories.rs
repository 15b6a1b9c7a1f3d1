//! The whole tree of an organisation as its shop shows it.

use access::Permission;
use kernel::{CategoryId, Slug};
use mediator::{Query, ReadConn, Tenant};
use schemars::JsonSchema;
use serde::Serialize;

use super::list_categories::in_order;
use crate::{
    domain::{Category, CategoryName},
    error::Error,
};

/// Asks for every category of the organisation's shop.
#[derive(Debug, Clone, Copy)]
pub struct BrowseCategories;

/// Every category of a shop, at most 5,000.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopCategoryList {
    /// Depth first and in the order of siblings: indented by the length of `path`, the list shows the tree.
    pub items: Vec<ShopCategory>,
}

/// A category as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopCategory {
    id: CategoryId,
    parent: Option<CategoryId>,
    name: CategoryName,
    slug: Slug,
    /// From the root to the category itself.
    path: Vec<CategoryId>,
    /// Index among its siblings, from 0 and without gaps.
    position: i32,
}

impl Query for BrowseCategories {
    const NAME: &'static str = "category.browse-categories";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopCategoryList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopCategoryList, Error> {
        let items = in_order(read).await?;
        Ok(ShopCategoryList { items: items.iter().map(ShopCategory::from).collect() })
    }
}

impl From<&Category> for ShopCategory {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id(),
            parent: category.parent(),
            name: category.name().clone(),
            slug: category.slug().clone(),
            path: category.path().to_vec(),
            position: category.position(),
        }
    }
}
