//! Path and query parameters as structs with named fields.
//! The rule: a path that does not parse names nothing (404); a query that does not parse is refused (422) with every
//! parameter that is wrong.

use std::collections::HashSet;

use actix_web::HttpRequest;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::documents::refusal;
use crate::extracted::extracted;
use crate::faults::in_plain_words;
use crate::problem::{FieldFault, Problem};
use crate::problems;
use crate::shape::MOST;

/// The parameters in the path. `{organisation}` may be left out of `T`: [`crate::Anyone`] reads it.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

extracted!([T: DeserializeOwned] Path<T>, |request| path(request));

fn path<T: DeserializeOwned>(request: &HttpRequest) -> Result<Path<T>, Problem> {
    request.match_info().load().map(Path).map_err(|reason| {
        Problem::new(problems::NOT_FOUND).detail(format!("The path does not name a resource: {reason}."))
    })
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        // Not `subschema_for`: the struct itself is not a model of the document.
        let schema = T::json_schema(&mut ctx.schema);
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Path);
        add_parameters(ctx, operation, parameters);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::NOT_FOUND)]
    }
}

/// The parameters after `?`. Let `T` deny unknown fields, so that a misspelt filter is not ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

extracted!([T: DeserializeOwned] Query<T>, |request| parse(request.query_string()).map(Query));

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    serde_urlencoded::from_str(query).map_err(|first| {
        // serde stops at the first fault, so each parameter is read once more by itself.
        let mut names = HashSet::new();
        let mut faults: Vec<FieldFault> = query
            .split('&')
            .filter_map(|pair| {
                let (name, _) = form_urlencoded::parse(pair.as_bytes()).next()?;
                let alone = serde_urlencoded::from_str::<T>(pair).err().map(|fault| fault.to_string());
                let reason = match names.insert(name.clone()) {
                    true => alone.filter(|reason| !reason.starts_with("missing field")),
                    false => Some("stands more than once".to_owned()),
                }?;
                Some(FieldFault { field: name.into_owned(), reason: in_plain_words(&reason) })
            })
            .take(MOST)
            .collect();
        if faults.is_empty() {
            faults.push(FieldFault { field: String::new(), reason: in_plain_words(&first.to_string()) });
        }
        Problem::invalid(faults)
    })
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = T::json_schema(&mut ctx.schema);
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
        add_parameters(ctx, operation, parameters);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::INVALID_REQUEST)]
    }
}
