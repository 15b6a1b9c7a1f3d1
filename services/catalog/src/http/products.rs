//! Products for staff: requests become commands and queries, nothing else happens here.

use kernel::ProductId;
use query::{Answer, FieldList, Parameters, Request};
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Query, Recorded, Staff, State, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product_bodies::{ChangeProductBody, CreateProductBody};
use crate::commands::delete_product::DeleteProduct;
use crate::commands::restore_product::RestoreProduct;
use crate::commands::retire_product::RetireProduct;
use crate::domain::locale::DefaultLocale;
use crate::domain::product::Product;
use crate::processes::invalidation::StaleProducts;
use crate::queries::find_product::FindProduct;
use crate::queries::product_fields::Products;
use crate::queries::query_products::{DescribeProducts, QueryProducts};

/// The product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ProductPath {
    pub(super) product: ProductId,
}

/// The product that was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deleted {
    /// The id that it had.
    product: ProductId,
}

pub(super) async fn create(
    app: App,
    State(stale): State<StaleProducts>,
    State(texts): State<DefaultLocale>,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateProductBody, 1_048_576>,
) -> Result<Recorded<Product>, Problem> {
    let command = body.command(&texts)?;
    let created: Recorded<Product> = app.create_grouped(&by, &key, &body, command, location).await?;
    stale.note_and_wait(created.reply().map(|product| (by.organisation(), product.id()))).await;
    Ok(created)
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(parameters): Query<Parameters>,
) -> Result<rest::Ok<Answer<Products>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryProducts(parameters.into())).await?))
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Products>>,
) -> Result<rest::Ok<Answer<Products>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryProducts(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeProducts).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    Ok(tagged(app.ask(&by, FindProduct { product: at.product }).await?))
}

pub(super) async fn change(
    app: App,
    State(stale): State<StaleProducts>,
    State(texts): State<DefaultLocale>,
    by: Staff,
    Path(at): Path<ProductPath>,
    expected: IfMatch,
    Body(body): Body<ChangeProductBody, 1_048_576>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, body.command(at.product, expected.versions(), &texts)?).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

pub(super) async fn retire(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, RetireProduct { product: at.product }).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

pub(super) async fn restore(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, RestoreProduct { product: at.product }).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

pub(super) async fn delete(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<rest::Ok<Deleted>, Problem> {
    app.send(&by, DeleteProduct { product: at.product }).await?;
    stale.note_and_wait([(by.organisation(), at.product)]).await;
    Ok(rest::Ok(Deleted { product: at.product }))
}

/// The reply to a change, once the cache has forgotten what was there before. That goes for a change without effect, too: it may
/// repeat one whose answer was lost.
async fn once_forgotten(stale: &StaleProducts, by: &Staff, product: Product) -> Tagged<rest::Ok<Product>> {
    stale.note_and_wait([(by.organisation(), product.id())]).await;
    tagged(product)
}

fn tagged(product: Product) -> Tagged<rest::Ok<Product>> {
    Tagged::version(product.version(), rest::Ok(product))
}

fn location(product: &Product) -> String {
    format!("/admin/v1/products/{}", product.id())
}
