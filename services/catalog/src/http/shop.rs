//! The public shop, answered from Redis where it can be.

use query::{Answer, FieldList, Parameters};
use rest::{Anyone, App, Path, Problem, Query, Serialised, State, Tagged};
use schemars::JsonSchema;
use serde::Deserialize;

use super::products::ProductPath;
use crate::domain::locale::Locale;
use crate::queries::product_fields::ShopProducts;
use crate::queries::query_products::{DescribeShopProducts, QueryShopProducts};
use crate::queries::shop_product::{FindShopProduct, ShopProduct};
use crate::shop_cache::ShopCache;

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
    Query(parameters): Query<Parameters>,
) -> Result<Serialised<Answer<ShopProducts>>, Problem> {
    let page = ShopCache::page_of(&parameters);
    let query = QueryShopProducts(parameters.into());
    match page {
        Some(page) => Ok(Serialised::new(cache.page(app.mediator(), &by, page, query).await?)),
        None => Serialised::of(&app.ask(&by, query).await?),
    }
}

pub(super) async fn fields(app: App, by: Anyone) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeShopProducts).await?))
}
