//! Orders for the organisation's staff.

use kernel::OrderId;
use query::{Answer, FieldList, Parameters, Request};
use rest::{App, Body, OptionalIfMatch, Path, Problem, Query, Staff, Tagged};
use schemars::JsonSchema;
use serde::Deserialize;

use super::steps;
use crate::{
    commands::{CancelOrder, EraseOrder, OrderChange},
    domain::{OrderDetail, OrderRecord},
    queries::{DescribeOrders, ExportOrder, FindOrder, Orders, QueryOrders},
};

/// An order in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OrderPath {
    pub(super) order: OrderId,
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(parameters): Query<Parameters>,
) -> Result<rest::Ok<Answer<Orders>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryOrders(parameters.into())).await?))
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Orders>>,
) -> Result<rest::Ok<Answer<Orders>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryOrders(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeOrders).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
) -> Result<Tagged<rest::Ok<OrderDetail>>, Problem> {
    let order = app.ask(&by, FindOrder { order: at.order }).await?;
    Ok(Tagged::version(order.order.version, rest::Ok(order)))
}

pub(super) async fn cancel(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
) -> Result<Tagged<rest::Ok<OrderDetail>>, Problem> {
    app.send(&by, steps::on(seen, at.order, CancelOrder { order: at.order })).await?;
    let order = app.ask(&by, FindOrder { order: at.order }).await?;
    Ok(Tagged::version(order.order.version, rest::Ok(order)))
}

pub(super) async fn export(app: App, by: Staff, Path(at): Path<OrderPath>) -> Result<rest::Ok<OrderRecord>, Problem> {
    Ok(rest::Ok(app.ask(&by, ExportOrder { order: at.order }).await?))
}

pub(super) async fn erase(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
) -> Result<Tagged<rest::Ok<OrderChange>>, Problem> {
    let change = app.send(&by, EraseOrder { order: at.order }).await?;
    Ok(Tagged::version(change.version, rest::Ok(change)))
}
