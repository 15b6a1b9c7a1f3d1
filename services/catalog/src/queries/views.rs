//! Saved views, and what they list. There are at most 200, so they are read at once.
//! The rule: a view is answered as its query in a body would be, by the same registry.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Cursor, PageSize, ViewId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity, Fault, Faults, Request};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::product_fields::Products;
use super::query_products;
use super::variant_fields::Variants;
use crate::domain::view::{View, ViewEntity, ViewQuery};
use crate::error::Error;
use crate::projections::view::Row;
use crate::schema::saved_views as views;

/// Asks for all views, in the order in which they were created.
#[derive(Debug, Clone, Copy)]
pub struct ListViews;

/// Asks for one view.
#[derive(Debug, Clone, Copy)]
pub struct FindView {
    /// The view.
    pub view: ViewId,
}

/// Asks whether a query can be saved.
#[derive(Debug, Clone)]
pub struct CheckView {
    /// What it lists; none when that is what the view lists.
    pub of: ViewOf,
    /// The query; none when it stays as it is.
    pub query: Option<ViewQuery>,
}

/// What a query that is to be saved lists.
#[derive(Debug, Clone, Copy)]
pub enum ViewOf {
    /// What a new view is to list.
    Entity(ViewEntity),
    /// What this view lists.
    View(ViewId),
}

/// Asks for a page of what a view lists.
#[derive(Debug, Clone)]
pub struct AskView {
    /// The view.
    pub view: ViewId,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many items it has at most; as many as the view says when there is none.
    pub limit: Option<PageSize>,
}

/// A page of what a view lists.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ViewItems {
    /// Of a view of products.
    Products(Answer<Products>),
    /// Of a view of variants.
    Variants(Answer<Variants>),
}

impl Query for ListViews {
    const NAME: &'static str = "catalog.list-views";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Vec<View>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<View>, Error> {
        let rows: Vec<Row> = views::table
            .filter(views::org_id.eq(read.organisation().uuid()))
            .order_by(views::view_id)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(View::try_from).collect()
    }
}

impl Query for FindView {
    const NAME: &'static str = "catalog.find-view";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = View;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<View, Error> {
        find(read, self.view).await
    }
}

impl Query for CheckView {
    const NAME: &'static str = "catalog.check-view";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<(), Error> {
        let Some(query) = &self.query else { return Ok(()) };
        let entity = match self.of {
            ViewOf::Entity(entity) => entity,
            ViewOf::View(view) => find(read, view).await?.entity,
        };
        bounded(query).map_err(Error::ViewRefused)?;
        match entity {
            ViewEntity::Products => {
                let request = of_view::<Products>(query).map_err(Error::ViewRefused)?;
                query_products::check(&request, read).await?.map_err(Error::ViewRefused)
            }
            ViewEntity::Variants => {
                let request = of_view::<Variants>(query).map_err(Error::ViewRefused)?;
                request.check(Variants::registry()).map_err(Error::ViewRefused)
            }
        }
    }
}

impl Query for AskView {
    const NAME: &'static str = "catalog.ask-view";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = ViewItems;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ViewItems, Error> {
        let view = find(read, self.view).await?;
        // What was right when it was saved names something that is not there any more.
        let outdated = |error: Error| match error {
            Error::QueryRefused(faults) => Error::ViewOutdated { view: self.view, faults },
            other => other,
        };
        match view.entity {
            ViewEntity::Products => {
                let request = self.page(of_view(&view.query).map_err(Error::QueryRefused).map_err(outdated)?);
                query_products::answer(&request, read).await.map(ViewItems::Products).map_err(outdated)
            }
            ViewEntity::Variants => {
                let request = self.page(of_view(&view.query).map_err(Error::QueryRefused).map_err(outdated)?);
                let answer = request.answer(read, Variants::registry()).await.map_err(Error::from);
                answer.map(ViewItems::Variants).map_err(outdated)
            }
        }
    }
}

impl AskView {
    fn page<E: Entity>(&self, mut request: Request<E>) -> Request<E> {
        request.cursor.clone_from(&self.cursor);
        request.limit = self.limit.unwrap_or(request.limit);
        request
    }
}

async fn find(read: &mut ReadConn<'_>, view: ViewId) -> Result<View, Error> {
    let row: Option<Row> = views::table
        .filter(views::org_id.eq(read.organisation().uuid()))
        .filter(views::view_id.eq(view.uuid()))
        .select(Row::as_select())
        .get_result(read.connection())
        .await
        .optional()?;
    row.ok_or(Error::ViewNotFound { view })?.try_into()
}

fn of_view<E: Entity>(query: &ViewQuery) -> Result<Request<E>, Faults> {
    let request = Request::<E>::of_json(Value::Object(query.clone()))?;
    if request.cursor.is_some() {
        return Err(Faults(vec![Fault { at: "cursor".to_owned(), reason: "is no part of a view".to_owned() }]));
    }
    Ok(request)
}

fn bounded(query: &ViewQuery) -> Result<(), Faults> {
    let bytes = serde_json::to_vec(query).map_or(usize::MAX, |json| json.len());
    if bytes <= View::LONGEST_QUERY {
        return Ok(());
    }
    let reason = format!("must have at most {} bytes as JSON; it has {bytes}", View::LONGEST_QUERY);
    Err(Faults(vec![Fault { at: String::new(), reason }]))
}
