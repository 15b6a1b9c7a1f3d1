//! What surrounds every request: its id, its span, its metrics, and how an error leaves.
//! The rule: whatever goes wrong below, panics included, leaves here as a problem; its cause is
//! logged here and only here, and whatever is refused has a line by which its id is found.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use futures::FutureExt;
use mediator::{continue_from, trace_id_of, traceparent_of};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::headers::not_modified;
use crate::problem::Problem;
use crate::refused;
use crate::unread::RequestBody;

/// The request's id, in its extensions: the `x-request-id` that came in when it is a UUID, otherwise a new one. It is
/// the correlation of everything that follows from the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(pub(crate) Uuid);

/// The middleware: `.wrap(actix_web::middleware::from_fn(rest::door::pass))`, outermost.
///
/// # Errors
/// Only after a panic, as a finished [`Problem`].
pub async fn pass(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let request_id = header_text(&request, "x-request-id")
        .and_then(|value| Uuid::parse_str(value).ok())
        .unwrap_or_else(Uuid::now_v7);
    let span = tracing::info_span!(
        "http.request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %method,
        http.route = %route,
        http.response.status_code = Empty,
        request_id = %request_id,
    );
    if let Some(traceparent) = header_text(&request, "traceparent") {
        continue_from(&span, traceparent);
    }
    let if_none_match =
        matches!(method, Method::GET | Method::HEAD).then(|| request.get_header::<header::IfNoneMatch>()).flatten();
    request.extensions_mut().insert(RequestId(request_id));
    let (body, reader) = RequestBody::hold(request.take_payload(), request.conn_data());
    request.set_payload(reader);

    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    body.answered().await;

    let _entered = span.enter();
    let seal = Seal { request_id: request_id.to_string(), method: &method, span: &span };
    let outcome = match outcome {
        Ok(Ok(response)) => Ok(seal.finish(response.map_into_boxed_body(), if_none_match.as_ref())),
        Ok(Err(error)) => Err(seal.problem_of(&error)),
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(seal.locate(Problem::internal(format!("a handler panicked: {message}"))))
        }
    };
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(problem) => actix_web::ResponseError::status_code(problem),
    };
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(started.elapsed().as_secs_f64());
    outcome.map_err(Error::from)
}

fn header_text<'r>(request: &'r ServiceRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// What every reply is marked with.
struct Seal<'s> {
    request_id: String,
    method: &'s Method,
    span: &'s Span,
}

impl Seal<'_> {
    /// Logs the problem and its cause, and adds what names the request.
    fn locate(&self, problem: Problem) -> Problem {
        self.log(&problem);
        problem.located(&self.request_id, trace_id_of(self.span))
    }

    /// The one place where a cause is logged: a 5xx as an error, 503 as a warning, the cause of any other for debugging.
    fn log(&self, problem: &Problem) {
        let kind = problem.kind();
        let cause = problem.logged_cause().unwrap_or_default();
        if kind.status() >= 500 && kind.status() != 503 {
            tracing::error!(problem = kind.slug(), cause, "the request failed: {cause}");
        } else if kind.status() >= 500 {
            tracing::warn!(problem = kind.slug(), cause, "the request could not be served now: {cause}");
        } else {
            refused::log(&self.request_id, self.method.as_str(), kind);
            tracing::debug!(problem = kind.slug(), cause, "the request was refused: {problem}");
        }
    }

    fn problem_of(&self, error: &Error) -> Problem {
        match error.as_error::<Problem>() {
            Some(problem) => self.locate(problem.clone()),
            None => {
                let status = error.as_response_error().status_code();
                self.locate(Problem::of_status(status).cause(error))
            }
        }
    }

    fn finish(
        &self,
        response: ServiceResponse<BoxBody>,
        if_none_match: Option<&header::IfNoneMatch>,
    ) -> ServiceResponse<BoxBody> {
        let mut response = self.as_problem(response);
        let etag = || response.headers().get(header::ETAG)?.to_str().ok()?.parse().ok();
        let unchanged = if_none_match.is_some_and(|asked| etag().is_some_and(|etag| not_modified(asked, &etag)));
        if unchanged && response.status() == StatusCode::OK {
            response = response.map_body(|head, _body| {
                head.status = StatusCode::NOT_MODIFIED;
                BoxBody::new(())
            });
        }
        let traceparent = traceparent_of(self.span);
        let headers = response.headers_mut();
        for (name, value) in [("x-request-id", Some(&self.request_id)), ("traceparent", traceparent.as_ref())] {
            if let Some(value) = value.and_then(|value| header::HeaderValue::from_str(value).ok()) {
                headers.insert(header::HeaderName::from_static(name), value);
            }
        }
        response
    }

    /// An error reply that is not a problem yet becomes one; its headers (`Allow`) stay.
    fn as_problem(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let status = response.status();
        if !status.is_client_error() && !status.is_server_error() {
            return response;
        }
        let problem = match response.response().error() {
            Some(error) => self.problem_of(error),
            None if is_problem(&response) => return response,
            None => self.locate(Problem::of_status(status)),
        };
        let mut sealed = problem.to_response();
        for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
            if let Some(value) = response.headers().get(&name) {
                sealed.headers_mut().insert(name, value.clone());
            }
        }
        // The status that the client sees and the one in the body never differ.
        response.into_response(sealed)
    }
}

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}
