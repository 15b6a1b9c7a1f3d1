//! The reply of an accepted request whose client may wait for the outcome (`Prefer: wait=N`).
//! The rule: the recorded bytes while the outcome is open, the resource as it is once it is known.

use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder};
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::replies::{Ok, Recorded};

/// 200 when the outcome came in time, otherwise 202 with the recorded reply.
#[derive(Clone, Debug)]
pub enum Awaited<T> {
    /// The outcome is known.
    Settled(Ok<T>),
    /// It is not, or the client did not wait.
    Pending(Recorded<T, 202>),
}

impl<T: Serialize> Responder for Awaited<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Settled(reply) => reply.respond_to(request),
            Self::Pending(reply) => reply.respond_to(request),
        }
    }
}

impl<T: JsonSchema> OperationOutput for Awaited<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        Recorded::<T, 202>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        let mut responses = Ok::<T>::inferred_responses(ctx, operation);
        for (_, response) in &mut responses {
            response.description = "The outcome came while the client waited.".to_owned();
        }
        responses.extend(Recorded::<T, 202>::inferred_responses(ctx, operation));
        responses
    }
}
