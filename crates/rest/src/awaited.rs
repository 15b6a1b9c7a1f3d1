//! Replies of requests that may be accepted before they have all their effect: 202 while something is open.
//! The rule: the recorded bytes while the outcome is open, for a client that waits (`Prefer: wait=N`) the resource as it is once it is
//! known; `Location` in both.

use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder};
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::replies::{Created, Recorded};

/// 201 when the outcome came in time, otherwise 202 with the recorded reply.
#[derive(Clone, Debug)]
pub enum Awaited<T> {
    /// The outcome is known.
    Settled(Created<T>),
    /// It is not, or the client did not wait.
    Pending(Recorded<T, 202>),
}

impl<T> Awaited<T> {
    /// The reply to the request that was recorded so, now that the outcome is known.
    #[must_use]
    pub fn settled(recorded: &Recorded<T, 202>, outcome: T) -> Self {
        Self::Settled(Created::instead_of(recorded, outcome))
    }
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
        let mut responses = Created::<T>::inferred_responses(ctx, operation);
        responses.extend(Recorded::<T, 202>::inferred_responses(ctx, operation));
        responses
    }
}

/// 201 when everything that was asked for is done, 202 when some of it waits for an answer. A repeat gets the same reply.
#[derive(Clone, Debug)]
pub enum Accepted<T> {
    /// It is done.
    Done(Recorded<T>),
    /// Some of it waits.
    Open(Recorded<T, 202>),
}

impl<T> Accepted<T> {
    /// The recorded reply; `is_open` says whether it speaks of something that waits.
    #[must_use]
    pub fn of(recorded: Recorded<T>, is_open: impl FnOnce(&T) -> bool) -> Self {
        if recorded.reply().is_some_and(is_open) { Self::Open(recorded.with_status()) } else { Self::Done(recorded) }
    }
}

impl<T: Serialize> Responder for Accepted<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Done(reply) => reply.respond_to(request),
            Self::Open(reply) => reply.respond_to(request),
        }
    }
}

impl<T: JsonSchema> OperationOutput for Accepted<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        Recorded::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        let mut responses = Recorded::<T>::inferred_responses(ctx, operation);
        responses.extend(Recorded::<T, 202>::inferred_responses(ctx, operation));
        responses
    }
}
