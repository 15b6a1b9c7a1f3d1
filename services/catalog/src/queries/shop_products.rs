//! A page of the public shop: what is active. Mostly answered from the cache.

use access::Permission;
use contracts::catalog::ProductStatus;
use kernel::{CategoryId, Cursor, Money, Page, PageSize, ProductId, Slug};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use schemars::JsonSchema;
use serde::Serialize;

use super::listing::{Listing, ProductSummary, Sort};
use crate::domain::wording::Title;
use crate::error::Error;

/// Asks for a page of the shop.
#[derive(Debug, Clone)]
pub struct ListShopProducts {
    /// Only products of this category itself, not of those below it.
    pub category: Option<CategoryId>,
    /// The order of the list.
    pub sort: Sort,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many items it has at most.
    pub size: PageSize,
}

/// A product in a list of the shop.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopSummary {
    id: ProductId,
    slug: Slug,
    title: Title,
    category: Option<CategoryId>,
    /// The lowest price of a variant that is sold.
    price_from: Money,
    version: i64,
}

impl Query for ListShopProducts {
    const NAME: &'static str = "catalog.list-shop-products";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = Page<ShopSummary>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<ShopSummary>, Error> {
        let listing = Listing {
            category: self.category,
            status: Some(ProductStatus::Active),
            sort: self.sort,
            cursor: self.cursor.clone(),
            size: self.size,
        };
        Ok(listing.read(read).await?.map(ShopSummary::from))
    }
}

impl From<ProductSummary> for ShopSummary {
    fn from(item: ProductSummary) -> Self {
        Self {
            id: item.id,
            slug: item.slug,
            title: item.title,
            category: item.category,
            price_from: item.price_from,
            version: item.version,
        }
    }
}
