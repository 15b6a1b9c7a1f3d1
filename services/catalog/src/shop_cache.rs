//! What the shop shows, as bytes in Redis: read through the cache, and removed from it when a product or a category changes.
//! The rule: the keys are known here only. Sees the queries, the domain and the errors; seen by `http` and `processes`.

use std::collections::BTreeSet;

use bytes::Bytes;
use cache::{Cache, Key};
use futures::{StreamExt as _, future, stream};
use kernel::{CategoryId, OrganisationId, ProductId, Slug};
use mediator::{Mediator, Scope, SendError};
use query::{Counting, Parameters};
use serde::Deserialize;

use crate::domain::locale::Locale;
use crate::domain::product::ProductKey;
use crate::error::Error;
use crate::queries::query_products::{QueryShopPage, QueryShopProducts, ShopPage};
use crate::queries::shop_address::{FindShopAddress, ShopAddress};
use crate::queries::shop_product::FindShopProduct;

/// The group of cached products, by id.
const PRODUCT: &str = "product";
/// The group of cached pages, by condition, sort and size, of products in other languages than their own, and of which product
/// a slug leads to. All of them are forgotten when a product or a category of the organisation changes.
const PRODUCTS: &str = "pages";

/// The sizes of pages that are kept: those that fill the rows of a shop, what is given when nothing is said, and the largest.
const USUAL_SIZES: [i64; 6] = [12, 20, 24, 48, 50, 100];

/// How many products are removed at once: fewer than the failures in a row that make Redis be left alone.
const AT_ONCE: usize = 4;

/// Something that the cache may hold an older state of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// A product, and everything that it may stand in.
    Product(OrganisationId, ProductId),
    /// The pages of an organisation, but none of its products.
    Pages(OrganisationId),
}

impl Stale {
    fn organisation(self) -> OrganisationId {
        match self {
            Self::Product(organisation, _) | Self::Pages(organisation) => organisation,
        }
    }
}

/// What the shop has at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A product as JSON.
    Here(Bytes),
    /// Nothing any more; the product has this slug now.
    Moved(Slug),
}

/// A page that shops ask for again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsualPage {
    /// Its name in the cache.
    name: String,
    /// The category that it is of.
    category: Option<CategoryId>,
}

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
    /// can write one, and each would be an entry of its own. Of the slugs only those are kept that lead to a product.
    ///
    /// # Errors
    /// The mediator's and the queries'; Redis causes none.
    pub async fn product(
        &self,
        mediator: &Mediator,
        by: &Scope,
        key: ProductKey,
        locale: Option<Locale>,
    ) -> Result<Shown, SendError<Error>> {
        let product = match key {
            ProductKey::Id(product) => product,
            ProductKey::Slug(slug) => {
                let address = self.address(mediator, by, slug.clone()).await?;
                if address.slug != slug {
                    return Ok(Shown::Moved(address.slug));
                }
                address.product
            }
        };
        let own = FindShopProduct { product, locale: None };
        let bytes = self.0.ask(mediator, by, &Key::new(by.organisation(), PRODUCT, product), own).await?;
        let Some(locale) = locale.as_ref().and_then(|asked| offered(&bytes, asked)) else {
            return Ok(Shown::Here(bytes));
        };
        let key = Key::new(by.organisation(), PRODUCTS, format!("{product}/{locale}"));
        let query = FindShopProduct { product, locale: Some(locale) };
        self.0.ask(mediator, by, &key, query).await.map(Shown::Here)
    }

    /// The product that a slug leads to.
    async fn address(&self, mediator: &Mediator, by: &Scope, slug: Slug) -> Result<ShopAddress, SendError<Error>> {
        let key = Key::new(by.organisation(), PRODUCTS, format!("slug/{slug}"));
        let bytes = self.0.ask(mediator, by, &key, FindShopAddress { slug }).await?;
        let unreadable = |cause| Error::corrupt("address of the shop", cause);
        serde_json::from_slice(&bytes).map_err(|cause| SendError::Failed(unreadable(cause)))
    }

    /// The page that these parameters ask for; none when it is not for the cache. What shops ask for again and again is: first
    /// pages of a usual size, of everything or of one category. Anybody can write any number of cursors, words and filters, and
    /// each would be an entry of its own.
    #[must_use]
    pub fn page_of(parameters: &Parameters) -> Option<UsualPage> {
        let Parameters { condition, q, sort, fields, cursor, limit, total, facets } = parameters;
        let condition = condition.as_deref().unwrap_or_default();
        let category = one_category(condition);
        let is_usual = (condition.is_empty() || category.is_some()) && USUAL_SIZES.contains(&limit.get());
        let is_plain =
            q.is_none() && fields.is_none() && cursor.is_none() && facets.is_none() && *total == Counting::None;
        let sort = sort.as_deref().unwrap_or_default();
        let is_known = ["", "title", "-title", "price_from", "-price_from"].contains(&sort);
        let name = || format!("{condition}/{sort}/{}", limit.get());
        (is_usual && is_plain && is_known).then(|| UsualPage { name: name(), category })
    }

    /// A page of a list as JSON, from Redis where it can be. That of a category that the organisation does not have is not kept:
    /// anybody can write any number of ids.
    ///
    /// # Errors
    /// The mediator's and the query's; Redis causes none.
    pub async fn page(
        &self,
        mediator: &Mediator,
        by: &Scope,
        page: UsualPage,
        query: QueryShopProducts,
    ) -> Result<Bytes, SendError<Error>> {
        let key = Key::new(by.organisation(), PRODUCTS, page.name);
        let query = QueryShopPage { query, category: page.category };
        self.0.ask_and_keep(mediator, by, &key, query, ShopPage::is_of_a_known_category).await
    }

    /// Removes products and pages. Gives back those that Redis did not take: it may still hold them.
    pub async fn invalidate(&self, stale: &BTreeSet<Stale>) -> BTreeSet<Stale> {
        let remove = |one: Stale| async move {
            let Stale::Product(organisation, product) = one else { return None };
            let removed = self.0.invalidate(&Key::new(organisation, PRODUCT, product)).await;
            (!removed).then_some(one)
        };
        // Commands that are sent together share their round trips.
        let left = stream::iter(stale.iter().copied().map(remove)).buffer_unordered(AT_ONCE);
        let mut left: BTreeSet<Stale> = left.filter_map(future::ready).collect().await;
        let organisations: BTreeSet<OrganisationId> = stale.iter().map(|one| one.organisation()).collect();
        for organisation in organisations {
            if !self.0.invalidate_group(organisation, PRODUCTS).await {
                left.extend(stale.iter().filter(|one| one.organisation() == organisation));
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

/// The category of a condition that names one and nothing else, with or without those below it.
fn one_category(condition: &str) -> Option<CategoryId> {
    let id = ["category:eq:", "category_tree:has_any:"].iter().find_map(|beginning| condition.strip_prefix(beginning));
    id?.parse().ok()
}
