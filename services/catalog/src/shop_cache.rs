//! What the shop shows, as bytes in Redis: read through the cache, and removed from it when a product changes.
//! The rule: the keys are known here only. Sees the queries, the domain and the errors; seen by `http` and `processes`.

use std::collections::BTreeSet;

use bytes::Bytes;
use cache::{Cache, Key};
use futures::{StreamExt as _, future, stream};
use kernel::{CategoryId, OrganisationId, ProductId};
use mediator::{Mediator, Scope, SendError};
use query::{Counting, Parameters};
use serde::Deserialize;

use crate::domain::locale::Locale;
use crate::error::Error;
use crate::queries::query_products::QueryShopProducts;
use crate::queries::shop_product::FindShopProduct;

/// The group of cached products, by id.
const PRODUCT: &str = "product";
/// The group of cached pages, by condition, sort and size, and of products in other languages than their own. All of them are
/// forgotten when a product of the organisation changes.
const PRODUCTS: &str = "pages";

/// How many products are removed at once: fewer than the failures in a row that make Redis be left alone.
const AT_ONCE: usize = 4;

/// The shop's cached reads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ShopCache(Cache);

impl ShopCache {
    /// Reads through this cache.
    #[must_use]
    pub fn new(cache: Cache) -> Self {
        Self(cache)
    }

    /// One product as JSON, from Redis where it can be. A language that the product has no texts in is not asked for: anybody
    /// can write one, and each would be an entry of its own.
    ///
    /// # Errors
    /// The mediator's and the query's; Redis causes none.
    pub async fn product(
        &self,
        mediator: &Mediator,
        by: &Scope,
        query: FindShopProduct,
    ) -> Result<Bytes, SendError<Error>> {
        let FindShopProduct { product, locale } = query;
        let own = FindShopProduct { product, locale: None };
        let bytes = self.0.ask(mediator, by, &Key::new(by.organisation(), PRODUCT, product), own).await?;
        let Some(locale) = locale.as_ref().and_then(|asked| offered(&bytes, asked)) else { return Ok(bytes) };
        let key = Key::new(by.organisation(), PRODUCTS, format!("{product}/{locale}"));
        self.0.ask(mediator, by, &key, FindShopProduct { product, locale: Some(locale) }).await
    }

    /// The name in the cache of the page that these parameters ask for; none when it is not for the cache. What shops ask for
    /// again and again is: first pages, of everything or of one category. Anybody can write any number of cursors, words and
    /// filters, and each would be an entry of its own.
    #[must_use]
    pub fn page_of(parameters: &Parameters) -> Option<String> {
        let Parameters { condition, q, sort, fields, cursor, limit, total, facets } = parameters;
        let condition = condition.as_deref().unwrap_or_default();
        let is_usual = condition.is_empty() || is_one_category(condition);
        let is_plain =
            q.is_none() && fields.is_none() && cursor.is_none() && facets.is_none() && *total == Counting::None;
        let sort = sort.as_deref().unwrap_or_default();
        let is_known = ["", "title", "-title", "price_from", "-price_from"].contains(&sort);
        (is_usual && is_plain && is_known).then(|| format!("{condition}/{sort}/{}", limit.get()))
    }

    /// A page of a list as JSON, from Redis where it can be; `page` is its name in the cache.
    ///
    /// # Errors
    /// The mediator's and the query's; Redis causes none.
    pub async fn page(
        &self,
        mediator: &Mediator,
        by: &Scope,
        page: String,
        query: QueryShopProducts,
    ) -> Result<Bytes, SendError<Error>> {
        self.0.ask(mediator, by, &Key::new(by.organisation(), PRODUCTS, page), query).await
    }

    /// Removes products, and the pages of their organisations. Gives back those that Redis did not take: it may still
    /// hold them.
    pub async fn invalidate(
        &self,
        products: &BTreeSet<(OrganisationId, ProductId)>,
    ) -> BTreeSet<(OrganisationId, ProductId)> {
        let remove = |(organisation, product): (OrganisationId, ProductId)| async move {
            let removed = self.0.invalidate(&Key::new(organisation, PRODUCT, product)).await;
            (!removed).then_some((organisation, product))
        };
        // Commands that are sent together share their round trips.
        let left = stream::iter(products.iter().copied().map(remove)).buffer_unordered(AT_ONCE);
        let mut left: BTreeSet<_> = left.filter_map(future::ready).collect().await;
        let organisations: BTreeSet<OrganisationId> = products.iter().map(|(organisation, _)| *organisation).collect();
        for organisation in organisations {
            if !self.0.invalidate_group(organisation, PRODUCTS).await {
                left.extend(products.iter().filter(|(of, _)| *of == organisation));
            }
        }
        left
    }
}

/// The closest language that a product has texts in.
fn offered(product: &[u8], asked: &Locale) -> Option<Locale> {
    #[derive(Deserialize)]
    struct Languages {
        // What a replica of the release before has cached says nothing.
        #[serde(default)]
        locales: Vec<Locale>,
    }
    let languages: Languages = serde_json::from_slice(product).ok()?;
    asked.closest(&languages.locales).cloned()
}

/// Whether a condition is that of one category. What stands below it changes with the tree, of which the cache hears nothing.
fn is_one_category(condition: &str) -> bool {
    condition.strip_prefix("category:eq:").is_some_and(|id| id.parse::<CategoryId>().is_ok())
}
