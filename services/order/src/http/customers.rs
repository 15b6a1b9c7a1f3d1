//! The people who ordered, for the organisation's staff, who calls them customers.

use kernel::BuyerId;
use query::{Answer, FieldList, Parameters, Request};
use rest::{App, Body, Path, Problem, Query, Staff};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    commands::{EraseBuyer, EraseOrders},
    domain::{Buyer, BuyerExport},
    queries::{Buyers, DescribeBuyers, ExportBuyer, FindBuyer, FindErased, QueryBuyers},
};

/// Somebody in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct BuyerPath {
    customer: BuyerId,
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(parameters): Query<Parameters>,
) -> Result<rest::Ok<Answer<Buyers>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryBuyers(parameters.into())).await?))
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Buyers>>,
) -> Result<rest::Ok<Answer<Buyers>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryBuyers(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeBuyers).await?))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<BuyerPath>) -> Result<rest::Ok<Buyer>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindBuyer { buyer: at.customer }).await?))
}

pub(super) async fn export(app: App, by: Staff, Path(at): Path<BuyerPath>) -> Result<rest::Ok<BuyerExport>, Problem> {
    Ok(rest::Ok(app.ask(&by, ExportBuyer { buyer: at.customer }).await?))
}

pub(super) async fn erase(app: App, by: Staff, Path(at): Path<BuyerPath>) -> Result<rest::Ok<Buyer>, Problem> {
    let buyer = at.customer;
    app.send(&by, EraseBuyer { buyer }).await?;
    while app.send(&by, EraseOrders { buyer }).await? {}
    Ok(rest::Ok(app.ask(&by, FindErased(FindBuyer { buyer })).await?))
}
