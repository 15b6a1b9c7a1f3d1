//! Variants and their stock for staff, as queries find them.

use query::{Answer, FieldList, Parameters, Request};
use rest::{App, Body, Problem, Query, Staff};

use crate::queries::query_variants::{DescribeVariants, QueryVariants};
use crate::queries::variant_fields::Variants;

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(parameters): Query<Parameters>,
) -> Result<rest::Ok<Answer<Variants>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryVariants(parameters.into())).await?))
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Variants>>,
) -> Result<rest::Ok<Answer<Variants>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryVariants(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeVariants).await?))
}
