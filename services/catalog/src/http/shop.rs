//! The public shop, answered from Redis where it can be.

use kernel::{CategoryId, Cursor, Page, PageSize, ProductId};
use rest::{Anyone, App, Path, Problem, Query, Serialised, State};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::queries::listing::Sort;
use crate::queries::shop_product::{FindShopProduct, ShopProduct};
use crate::queries::shop_products::{ListShopProducts, ShopSummary};
use crate::shop_cache::ShopCache;

/// The product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopProductPath {
    product: ProductId,
}

/// The filter of a list and one of its pages.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopFilter {
    /// Only products of this category itself, not of those below it.
    category: Option<CategoryId>,
    /// The order of the list; `title` by default.
    sort: Option<Sort>,
    /// `next_cursor` of the previous page.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 by default.
    #[serde(default, deserialize_with = "page_size")]
    #[schemars(with = "Option<PageSize>")]
    limit: PageSize,
}

pub(super) async fn find(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Path(at): Path<ShopProductPath>,
) -> Result<Serialised<ShopProduct>, Problem> {
    let query = FindShopProduct { product: at.product };
    Ok(Serialised::new(cache.product(app.mediator(), &by, query).await?))
}

pub(super) async fn list(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Query(filter): Query<ShopFilter>,
) -> Result<Serialised<Page<ShopSummary>>, Problem> {
    if filter.cursor.is_some() {
        return Serialised::of(&app.ask(&by, filter.query()).await?);
    }
    Ok(Serialised::new(cache.first_page(app.mediator(), &by, filter.query()).await?))
}

impl ShopFilter {
    fn query(self) -> ListShopProducts {
        ListShopProducts {
            category: self.category,
            sort: self.sort.unwrap_or(Sort::Title),
            cursor: self.cursor,
            size: self.limit,
        }
    }
}

/// A query string has text only.
pub(super) fn page_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PageSize, D::Error> {
    let text = String::deserialize(deserializer)?;
    let items: u16 = text.parse().map_err(|_| serde::de::Error::custom("limit must be from 1 to 100"))?;
    PageSize::new(items).map_err(serde::de::Error::custom)
}
