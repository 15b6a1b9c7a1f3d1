//! The whole tree of an organisation as its shop shows it.

use std::collections::HashMap;

use access::Permission;
use kernel::{CategoryId, Slug};
use mediator::{Query, ReadConn, Tenant};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    domain::{Category, CategoryName, Counted, Icon, ImageLink},
    error::Error,
    projections::forest::Forest,
};

/// Asks for every category of the organisation's shop.
#[derive(Debug, Clone, Copy)]
pub struct BrowseCategories;

/// Every category of a shop, at most 10,000.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopCategoryList {
    /// Depth first and in the order of siblings: indented by the length of `path`, the list shows the tree. What is retired,
    /// and what stands below it, is not here.
    pub items: Vec<ShopCategory>,
}

/// A category as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopCategory {
    id: CategoryId,
    parent: Option<CategoryId>,
    name: CategoryName,
    slug: Slug,
    /// The name of an icon, or an emoji.
    icon: Option<Icon>,
    /// An https address of an image.
    image: Option<ImageLink>,
    /// From the root to the category itself.
    path: Vec<CategoryId>,
    /// Index among the siblings that are shown, from 0 and without gaps.
    position: i32,
    /// Products that are sold in the category itself.
    products: i64,
    /// Products that are sold in the category or anywhere below it, each counted once.
    products_below: i64,
}

impl Query for BrowseCategories {
    const NAME: &'static str = "category.browse-categories";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopCategoryList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopCategoryList, Error> {
        Ok(ShopCategoryList::of(&Forest::whole(read).await?.without_retired()))
    }
}

impl ShopCategoryList {
    /// The list of categories of which none is retired.
    pub(super) fn of(forest: &Forest) -> Self {
        let counts = forest.counts(|tally| tally.active);
        let mut positions = HashMap::new();
        let item = |category: &Category| {
            let next = positions.entry(category.parent()).or_insert(0);
            let position = *next;
            *next += 1;
            ShopCategory::of(category, position, counts.category(category.id()))
        };
        Self { items: forest.categories().iter().map(item).collect() }
    }
}

impl ShopCategory {
    pub(super) fn id(&self) -> CategoryId {
        self.id
    }

    pub(super) fn path(&self) -> &[CategoryId] {
        &self.path
    }

    fn of(category: &Category, position: i32, counted: Counted) -> Self {
        let details = category.details();
        Self {
            id: category.id(),
            parent: category.parent(),
            name: details.name.clone(),
            slug: details.slug.clone(),
            icon: details.icon.clone(),
            image: details.image.clone(),
            path: category.path().to_vec(),
            position,
            products: counted.own,
            products_below: counted.below,
        }
    }
}
