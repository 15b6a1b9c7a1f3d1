//! Orders for the organisation's staff.

use kernel::{Cursor, OrderId, Page, PageSize};
use rest::{App, Path, Problem, Query, Staff, Tagged};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    commands::CancelOrder,
    domain::{OrderView, Status, Summary},
    queries::{FindOrder, ListOrders},
};

/// An order in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OrderPath {
    pub(super) order: OrderId,
}

/// Which orders, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderFilter {
    /// Orders with this status only.
    status: Option<Status>,
    /// The `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// How many orders at most, 1 to 100; 20 when left out.
    #[serde(default)]
    limit: PageSize,
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(filter): Query<OrderFilter>,
) -> Result<rest::Ok<Page<Summary>>, Problem> {
    let OrderFilter { status, cursor, limit } = filter;
    Ok(rest::Ok(app.ask(&by, ListOrders { status, cursor, limit }).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    let order = app.ask(&by, FindOrder { order: at.order }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}

pub(super) async fn cancel(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
) -> Result<Tagged<rest::Ok<OrderView>>, Problem> {
    app.send(&by, CancelOrder { order: at.order }).await?;
    let order = app.ask(&by, FindOrder { order: at.order }).await?;
    Ok(Tagged::version(order.version, rest::Ok(order)))
}
