//! Saved views, for staff: whoever may change products keeps them, whoever may read products asks them.

use kernel::{Cursor, Malformed, PageSize, ViewId};
use query::Request;
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Query, Recorded, Staff, Tagged, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::manage_views::{ChangeView, CreateView, DeleteView};
use crate::domain::view::{View, ViewEntity, ViewName, ViewQuery};
use crate::queries::product_fields::Products;
use crate::queries::variant_fields::Variants;
use crate::queries::views::{AskView, CheckView, FindView, ListViews, ViewItems, ViewOf};

/// The view.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ViewPath {
    view: ViewId,
}

/// A page of what a view lists.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewPage {
    /// `next_cursor` or `previous_cursor` of another page.
    cursor: Option<Cursor>,
    /// 1 to 100; what the view says by default.
    limit: Option<PageSize>,
}

/// The form of a query: that of a view of products, or that of a view of variants.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it says in the document what a query may be")]
enum QueryForm {
    Products(Request<Products>),
    Variants(Request<Variants>),
}

/// A view to save.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateViewBody {
    /// 1 to 100 characters on one line, unique among the organisation's views of this kind of item.
    #[garde(custom(parses(ViewName::parse)))]
    #[schemars(with = "ViewName")]
    name: String,
    /// What it lists. It never changes.
    #[garde(skip)]
    entity: ViewEntity,
    /// What `POST …/query` of that kind of item takes, without `cursor`; at most 16,384 bytes.
    #[garde(skip)]
    #[schemars(with = "QueryForm")]
    query: ViewQuery,
}

/// A change of a view. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeViewBody {
    /// 1 to 100 characters on one line, unique among the organisation's views of this kind of item.
    #[garde(inner(custom(parses(ViewName::parse))))]
    #[schemars(with = "Option<ViewName>")]
    name: Option<String>,
    /// The whole query, in place of the former one; at most 16,384 bytes.
    #[garde(skip)]
    #[schemars(with = "Option<QueryForm>")]
    query: Option<ViewQuery>,
}

/// All views of an organisation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Views {
    /// In the order in which they were created.
    items: Vec<View>,
}

/// The view that was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedView {
    /// The id that it had.
    view: ViewId,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateViewBody>,
) -> Result<Recorded<View>, Problem> {
    let command = body.command()?;
    app.ask(&by, CheckView { of: ViewOf::Entity(body.entity), query: Some(body.query.clone()) }).await?;
    app.create(&by, &key, &body, command, |view| format!("/admin/v1/views/{}", view.id)).await
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Views>, Problem> {
    Ok(rest::Ok(Views { items: app.ask(&by, ListViews).await? }))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<ViewPath>) -> Result<Tagged<rest::Ok<View>>, Problem> {
    Ok(tagged(app.ask(&by, FindView { view: at.view }).await?))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<ViewPath>,
    expected: IfMatch,
    Body(body): Body<ChangeViewBody>,
) -> Result<Tagged<rest::Ok<View>>, Problem> {
    let name = body.name.as_deref().map(ViewName::parse).transpose()?;
    app.ask(&by, CheckView { of: ViewOf::View(at.view), query: body.query.clone() }).await?;
    let command = ChangeView { view: at.view, expected: expected.versions(), name, query: body.query };
    Ok(tagged(app.send(&by, command).await?))
}

pub(super) async fn delete(app: App, by: Staff, Path(at): Path<ViewPath>) -> Result<rest::Ok<DeletedView>, Problem> {
    let deleted = app.send(&by, DeleteView { view: at.view }).await?;
    Ok(rest::Ok(DeletedView { view: deleted.id }))
}

pub(super) async fn items(
    app: App,
    by: Staff,
    Path(at): Path<ViewPath>,
    Query(page): Query<ViewPage>,
) -> Result<rest::Ok<ViewItems>, Problem> {
    Ok(rest::Ok(app.ask(&by, AskView { view: at.view, cursor: page.cursor, limit: page.limit }).await?))
}

fn tagged(view: View) -> Tagged<rest::Ok<View>> {
    Tagged::version(view.version, rest::Ok(view))
}

impl CreateViewBody {
    fn command(&self) -> Result<CreateView, Malformed> {
        Ok(CreateView { name: ViewName::parse(&self.name)?, entity: self.entity, query: self.query.clone() })
    }
}
