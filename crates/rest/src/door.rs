//! What surrounds every request: its id, its span, its figures, and the last word on every error.
//! The rule: whatever goes wrong below, panics included, leaves here as a problem; its cause is
//! logged here and only here.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use futures::FutureExt;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::problem::Problem;
use crate::trace;

/// What the door knows of the request that passes; in the request's extensions.
#[derive(Clone, Debug)]
pub struct Passage {
    request_id: Uuid,
    span: Span,
}

impl Passage {
    /// The request's id: the `x-request-id` that came in when it is a UUID, otherwise a new one. It
    /// is the correlation of everything that follows from the request.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The request's span.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }
}

/// The middleware: `.wrap(actix_web::middleware::from_fn(rest::door::pass))`, outermost.
///
/// # Errors
/// Only after a panic, as a finished [`Problem`].
pub async fn pass(
    request: ServiceRequest,
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
        trace::continue_from(&span, traceparent);
    }
    let if_none_match =
        (method == Method::GET).then(|| request.headers().get(header::IF_NONE_MATCH).cloned()).flatten();
    request.extensions_mut().insert(Passage { request_id, span: span.clone() });

    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;

    let _entered = span.enter();
    let traceparent = trace::traceparent_of(&span);
    let seal = Seal { request_id: request_id.to_string(), traceparent };
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

/// What is put on every reply.
struct Seal {
    request_id: String,
    traceparent: Option<String>,
}

impl Seal {
    fn locate(&self, problem: Problem) -> Problem {
        log(&problem);
        problem.located(&self.request_id, self.traceparent.as_deref().and_then(trace::trace_id))
    }

    fn problem_of(&self, error: &Error) -> Problem {
        match error.as_error::<Problem>() {
            Some(problem) => {
                log(problem);
                problem.copy().located(&self.request_id, self.traceparent.as_deref().and_then(trace::trace_id))
            }
            None => {
                let status = error.as_response_error().status_code();
                self.locate(Problem::of_status(status).cause(error))
            }
        }
    }

    fn finish(
        &self,
        response: ServiceResponse<BoxBody>,
        if_none_match: Option<&header::HeaderValue>,
    ) -> ServiceResponse<BoxBody> {
        let mut response = self.as_problem(response);
        let known = response.headers().get(header::ETAG).is_some_and(|etag| names(if_none_match, etag));
        if known && response.status() == StatusCode::OK {
            response = response.map_body(|head, _body| {
                head.status = StatusCode::NOT_MODIFIED;
                BoxBody::new(())
            });
        }
        let headers = response.headers_mut();
        for (name, value) in [("x-request-id", Some(&self.request_id)), ("traceparent", self.traceparent.as_ref())] {
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
        replace(response, sealed)
    }
}

fn replace(response: ServiceResponse<BoxBody>, with: HttpResponse) -> ServiceResponse<BoxBody> {
    response.into_response(with)
}

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}

fn names(if_none_match: Option<&header::HeaderValue>, etag: &header::HeaderValue) -> bool {
    let (Some(Ok(asked)), Ok(etag)) = (if_none_match.map(header::HeaderValue::to_str), etag.to_str()) else {
        return false;
    };
    asked.split(',').any(|one| matches!(one.trim(), "*") || one.trim().trim_start_matches("W/") == etag)
}

/// The one place where a cause is logged: a 5xx as an error, the rest for who wants to see it.
fn log(problem: &Problem) {
    let kind = problem.kind();
    let cause = problem.logged_cause().unwrap_or_default();
    if kind.status() >= 500 && kind.status() != 503 {
        tracing::error!(problem = kind.slug(), cause, "the request failed: {cause}");
    } else if kind.status() >= 500 {
        tracing::warn!(problem = kind.slug(), cause, "the request could not be served now: {cause}");
    } else {
        tracing::debug!(problem = kind.slug(), cause, "the request was refused: {problem}");
    }
}
