//! The public shop, answered from Redis where it can be.
//! The rule: whatever is shown has an `ETag` of its own bytes, so that nobody is told that what they have still holds when
//! anything of it has changed.

use query::{Answer, FieldList, Parameters};
use rest::{Addressed, Anyone, App, Fingerprinted, Path, Problem, Query, State};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::locale::Locale;
use crate::domain::product::ProductKey;
use crate::queries::product_fields::ShopProducts;
use crate::queries::query_products::{DescribeShopProducts, QueryShopProducts};
use crate::queries::shop_product::ShopProduct;
use crate::shop_cache::{ShopCache, Shown};

/// The product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopProductPath {
    /// Its id, or a slug that it has or had. A product that has the slug `fields` is found by its id only.
    product: ProductKey,
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
    Path(at): Path<ShopProductPath>,
    Query(language): Query<Language>,
) -> Result<Addressed<Fingerprinted<ShopProduct>>, Problem> {
    match cache.product(app.mediator(), &by, at.product, language.locale).await? {
        Shown::Here(json) => Ok(Addressed::Here(Fingerprinted::public_json(json))),
        Shown::Moved(slug) => Ok(Addressed::Moved(slug.to_string())),
    }
}

pub(super) async fn list(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Query(parameters): Query<Parameters>,
) -> Result<Fingerprinted<Answer<ShopProducts>>, Problem> {
    let page = ShopCache::page_of(&parameters);
    let query = QueryShopProducts(parameters.into());
    match page {
        Some(page) => Ok(Fingerprinted::public_json(cache.page(app.mediator(), &by, page, query).await?)),
        None => Fingerprinted::public(&app.ask(&by, query).await?),
    }
}

pub(super) async fn fields(app: App, by: Anyone) -> Result<Fingerprinted<FieldList>, Problem> {
    Fingerprinted::public(&app.ask(&by, DescribeShopProducts).await?)
}
