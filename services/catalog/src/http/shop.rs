//! The public shop, answered from Redis where it can be.

use kernel::{CategoryId, Cursor, Page, PageSize};
use rest::{Anyone, App, Path, Problem, Query, Serialised, State, Tagged};
use schemars::JsonSchema;
use serde::Deserialize;

use super::products::ProductPath;
use crate::domain::locale::Locale;
use crate::queries::listing::Sort;
use crate::queries::shop_product::{FindShopProduct, ShopProduct};
use crate::queries::shop_products::{ListShopProducts, ShopSummary};
use crate::shop_cache::ShopCache;

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
    #[serde(default)]
    limit: PageSize,
}

/// The language of a product's texts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// A language such as `vi` or `pt-BR`. The product's own language stands in for whatever it has no text of.
    locale: Option<Locale>,
}

pub(super) async fn find(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Path(at): Path<ProductPath>,
    Query(language): Query<Language>,
) -> Result<Tagged<Serialised<ShopProduct>>, Problem> {
    let query = FindShopProduct { product: at.product, locale: language.locale };
    Tagged::serialised(cache.product(app.mediator(), &by, query).await?)
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
