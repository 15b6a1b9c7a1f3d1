//! One category of the shop, by its id or by the way of slugs that leads to it.

use std::collections::HashMap;

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Slug};
use mediator::{Query, ReadConn, Tenant};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    browse_categories::{ShopCategory, ShopCategoryList},
    find_category::Breadcrumb,
};
use crate::{
    domain::{Addresses, Category, CategoryAddress, SlugPath},
    error::Error,
    projections::forest::Forest,
    schema::former_slugs,
};

/// Asks for one category of the organisation's shop.
#[derive(Debug, Clone)]
pub struct FindShopCategory {
    /// Its id, or the slugs that lead to it.
    pub address: CategoryAddress,
}

/// A category of the shop and the way to it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FoundShopCategory {
    /// The category.
    #[serde(flatten)]
    category: ShopCategory,
    /// Every category from the top level down to this one.
    breadcrumbs: Vec<Breadcrumb>,
}

/// What the shop has at an address.
#[derive(Debug, Clone)]
pub enum ShopPlace {
    /// The category.
    Here(Box<FoundShopCategory>),
    /// Nothing any more; these slugs lead to the category now.
    Moved(SlugPath),
}

impl Query for FindShopCategory {
    const NAME: &'static str = "category.find-shop-category";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopPlace;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopPlace, Error> {
        let forest = Forest::whole(read).await?;
        let unknown = || Error::NothingThere { address: self.address.clone() };
        let id = match &self.address {
            CategoryAddress::Id(category) => *category,
            CategoryAddress::Slugs(path) => {
                let addresses = addresses(read, forest.categories(), path).await?;
                addresses.leads_to(path).ok_or_else(unknown)?
            }
        };
        let shown = forest.without_retired();
        let list = ShopCategoryList::of(&shown);
        let category = list.items.into_iter().find(|item| item.id() == id).ok_or_else(unknown)?;
        let by_id: HashMap<CategoryId, &Category> = shown.categories().iter().map(|one| (one.id(), one)).collect();
        let breadcrumbs: Vec<Breadcrumb> =
            category.path().iter().filter_map(|above| by_id.get(above)).map(|above| Breadcrumb::from(*above)).collect();
        let present = SlugPath::of(breadcrumbs.iter().map(|crumb| crumb.slug.clone()).collect());
        match &self.address {
            CategoryAddress::Slugs(asked) if *asked != present => Ok(ShopPlace::Moved(present)),
            _ => Ok(ShopPlace::Here(Box::new(FoundShopCategory { category, breadcrumbs }))),
        }
    }
}

/// Where the slugs of a path lead, now and before.
async fn addresses(read: &mut ReadConn<'_>, categories: &[Category], path: &SlugPath) -> Result<Addresses, Error> {
    let rows: Vec<(Option<Uuid>, String, Uuid)> = former_slugs::table
        .filter(former_slugs::org_id.eq(read.organisation().uuid()))
        .filter(former_slugs::slug.eq_any(path.slugs().iter().map(Slug::as_str)))
        .select((former_slugs::parent_id, former_slugs::slug, former_slugs::category_id))
        .load(read.connection())
        .await?;
    let former = |(parent, slug, category): (Option<Uuid>, String, Uuid)| {
        let category = CategoryId::from_uuid(category);
        let slug = Slug::parse(&slug).map_err(|malformed| Error::corrupt(category, &malformed))?;
        Ok(((parent.map(CategoryId::from_uuid), slug), category))
    };
    let present = categories.iter().map(|category| ((category.parent(), category.slug().clone()), category.id()));
    Ok(Addresses { present: present.collect(), former: rows.into_iter().map(former).collect::<Result<_, Error>>()? })
}
