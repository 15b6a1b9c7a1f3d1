//! The public shop, answered from Redis where it can be.

use query::{Answer, FieldList, Parameters};
use rest::{Anyone, App, Path, Problem, Query, Serialised, State, Tagged};

use super::products::ProductPath;
use crate::queries::fields::DescribeShopProducts;
use crate::queries::product_fields::ShopProducts;
use crate::queries::shop_product::{FindShopProduct, ShopProduct};
use crate::queries::shop_products::QueryShopProducts;
use crate::shop_cache::ShopCache;

pub(super) async fn find(
    app: App,
    State(cache): State<ShopCache>,
    by: Anyone,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<Serialised<ShopProduct>>, Problem> {
    let query = FindShopProduct { product: at.product };
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
