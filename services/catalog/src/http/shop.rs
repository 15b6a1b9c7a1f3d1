//! The public shop, answered from Redis where it can be.

use std::collections::BTreeSet;

use cache::{Cache, Key};
use kernel::{CategoryId, Cursor, OrganisationId, Page, PageSize, ProductId};
use rest::{Anyone, App, Path, Problem, Query, Serialised, State};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::queries::listing::Sort;
use crate::queries::shop_product::{FindShopProduct, ShopProduct};
use crate::queries::shop_products::{ListShopProducts, ShopSummary};

/// The group of cached products, by id.
const PRODUCT: &str = "product";
/// The group of cached pages, by their filter.
const PRODUCTS: &str = "products";

/// What the shop shows, as bytes in Redis. Forgotten when a product's own event comes back.
#[derive(Clone)]
pub struct ShopCache(Cache);

impl ShopCache {
    /// Over this cache.
    #[must_use]
    pub fn new(cache: Cache) -> Self {
        Self(cache)
    }

    /// Forgets products and the pages that may show them. What Redis did not take comes back: it may still hold it.
    pub async fn forget(
        &self,
        products: &BTreeSet<(OrganisationId, ProductId)>,
    ) -> BTreeSet<(OrganisationId, ProductId)> {
        let mut left = BTreeSet::new();
        for (organisation, product) in products {
            if !self.0.invalidate(&Key::new(*organisation, PRODUCT, *product)).await {
                left.insert((*organisation, *product));
            }
        }
        let organisations: BTreeSet<OrganisationId> = products.iter().map(|(organisation, _)| *organisation).collect();
        for organisation in organisations {
            if !self.0.invalidate_group(organisation, PRODUCTS).await {
                left.extend(products.iter().filter(|(of, _)| *of == organisation));
            }
        }
        left
    }
}

/// Which product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopProductPath {
    product: ProductId,
}

/// Which page of which list.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopFilter {
    /// Only products of this category itself, not of those below it.
    category: Option<CategoryId>,
    /// In which order; `title` when not said.
    sort: Option<Sort>,
    /// `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 when not said.
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
    let key = Key::new(by.organisation, PRODUCT, at.product);
    let query = FindShopProduct { product: at.product };
    Ok(Serialised::new(cache.0.ask(app.mediator(), &by, &key, query).await?))
}

pub(super) async fn list(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Query(filter): Query<ShopFilter>,
) -> Result<Serialised<Page<ShopSummary>>, Problem> {
    if filter.cursor.is_some() {
        // Anybody can write cursors, and each would be an entry of its own.
        return Serialised::of(&app.ask(&by, filter.query()).await?);
    }
    let key = Key::new(by.organisation, PRODUCTS, filter.canonical()?);
    Ok(Serialised::new(cache.0.ask(app.mediator(), &by, &key, filter.query()).await?))
}

impl ShopFilter {
    /// The same text for the same page.
    fn canonical(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(Problem::internal)
    }

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
