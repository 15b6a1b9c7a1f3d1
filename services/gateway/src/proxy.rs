//! The way of one request through the gateway: look at it, find its owner, check, limit, pass on, answer.
//!
//! The rule it keeps: cheap checks come before dear ones, and nothing reaches a service that one of them refused.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::body::{self, Incoming};
use crate::clients;
use crate::headers::{self, Named, Stated};
use crate::hygiene;
use crate::limits::{Rule, Subject, Verdict};
use crate::passing::{self, Passing};
use crate::refusal::Refusal;
use crate::routes::{self, Class, Guard, Route, Service, Size};
use crate::shed::Place;
use crate::trace::Trace;
use crate::upstream::{Outbound, SendError};
use crate::worker::Worker;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const NO_SNIFFING: (HeaderName, HeaderValue) =
    (actix_web::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// The longest `Prefer: wait` that lengthens the time limit.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Everything that is not one of the gateway's own pages.
pub async fn forward(worker: web::Data<Worker>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let begun = Instant::now();
    let mut buffer = Uuid::encode_buffer();
    let request_id: &str = Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
    let mut verdicts = [None, None];
    let mut service = None;
    let passing = pass(&worker, &request, payload, request_id, &mut verdicts, &mut service);
    // A panic would take the worker's other requests down with it; what it leaves behind is dropped with the request.
    let outcome = AssertUnwindSafe(passing).catch_unwind().await.unwrap_or(Err(Refusal::Internal));
    let mut reply = outcome.unwrap_or_else(|refusal| {
        if refusal.kind().status() >= 500 {
            tracing::warn!(request_id, path = request.path(), "{refusal}");
        }
        refusal.reply(request_id)
    });
    let headers = reply.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(NO_SNIFFING.0, NO_SNIFFING.1);
    worker.gate.state(&verdicts, headers);
    worker.meters.replied(service, reply.status().as_u16(), begun.elapsed());
    reply
}

async fn pass(
    worker: &Worker,
    request: &HttpRequest,
    payload: web::Payload,
    request_id: &str,
    verdicts: &mut [Option<Verdict>; 2],
    service: &mut Option<Service>,
) -> Result<HttpResponse, Refusal> {
    let head = request.head();
    let (uri, method) = (&head.uri, &head.method);
    let place = worker.shared.places.take().ok_or(Refusal::Overloaded)?;
    hygiene::inspect(method, uri.path(), uri.query(), &head.headers)?;
    let route = routes::find(uri.path()).ok_or(Refusal::UnknownRoute)?;
    if !worker.upstreams.serves(route.service) {
        return Err(Refusal::UnknownRoute);
    }
    *service = Some(route.service);

    let address = head.peer_addr.map(|peer| clients::address(peer.ip(), &head.headers, &worker.shared.proxies));
    if let Some(address) = address {
        let rule = if route.class == Class::Login { Rule::Login } else { Rule::Address };
        verdicts[0] = worker.gate.admit(rule, Subject::of_address(address)).await;
        within(verdicts[0])?;
    }
    let named = Named::of(&head.headers);
    let organisation = match route.guard {
        Guard::Token => Some(worker.shared.identity.verify(&head.headers, &named)?),
        Guard::Open => route.shop.and_then(|slug| worker.shared.identity.shop(slug)),
    };
    if let Some(organisation) = organisation {
        verdicts[1] = worker.gate.admit(Rule::Organisation, Subject::Organisation(organisation)).await;
        within(verdicts[1])?;
    }

    let behaviour = &worker.shared.behaviour;
    let limit = if route.size == Size::Import { behaviour.import_limit } else { behaviour.body_limit };
    let body = body::take(&head.headers, payload, limit, behaviour.body_patience).await.map_err(Refusal::Body)?;
    let trace = Trace::start(&head.headers, method, uri.path(), route.service, behaviour.sampled);
    let span = trace.span().clone();
    let stated = Stated { address, request_id, traceparent: trace.traceparent() };
    let outcome = exchange(worker, request, route, &named, stated, body, place).instrument(span).await;
    let status = match &outcome {
        Ok(reply) => reply.status(),
        Err(refusal) => StatusCode::from_u16(refusal.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    trace.answered(status);
    outcome
}

fn within(verdict: Option<Verdict>) -> Result<(), Refusal> {
    match verdict {
        Some(verdict) if !verdict.allowed => {
            Err(Refusal::TooManyRequests { policy: verdict.rule.name(), retry_after: verdict.retry_seconds() })
        }
        _ => Ok(()),
    }
}

/// Sends the request to its service and turns the answer into the reply.
async fn exchange(
    worker: &Worker,
    request: &HttpRequest,
    route: Route<'_>,
    named: &Named,
    stated: Stated<'_>,
    body: Incoming,
    place: Place,
) -> Result<HttpResponse, Refusal> {
    let head = request.head();
    let target = route.rewritten.or_else(|| head.uri.path_and_query().map(|target| target.as_str())).unwrap_or("/");
    let outbound = Outbound {
        method: hyper::Method::from_bytes(head.method.as_str().as_bytes())
            .map_err(|_| Refusal::Malformed("its method is none"))?,
        target: target.parse().map_err(|_| Refusal::Malformed("its address is none"))?,
        headers: &|| headers::to_service(&head.headers, named, stated),
        body,
        repeatable: repeatable(&head.method, &head.headers),
    };
    let behaviour = &worker.shared.behaviour;
    let limit = behaviour.answer_limit + wait(&head.headers);
    let service = route.service;
    let (answer, mut exchange) = worker.upstreams.send(service, outbound, limit).await.map_err(|error| {
        if !matches!(error, SendError::Upload(_)) {
            tracing::warn!(service = service.name(), request_id = stated.request_id, %error, "no answer of the service");
        }
        Refusal::of_sending(service, &error)
    })?;
    let mut reply = HttpResponse::with_body(answer.status, BoxBody::new(()));
    *reply.headers_mut() = answer.headers;
    if head.method == Method::HEAD {
        exchange.whole_body();
        return Ok(match answer.length {
            Some(length) => reply.set_body(BoxBody::new(passing::Stated(length))),
            None => reply,
        });
    }
    Ok(match exchange.whole_body() {
        Some(bytes) => reply.set_body(BoxBody::new(bytes)),
        None => reply.set_body(BoxBody::new(Passing::new(exchange, answer.length, limit, place))),
    })
}

/// Whether sending the request twice is harmless.
fn repeatable(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
        || headers.contains_key(IDEMPOTENCY_KEY)
}

/// How long the client is ready to wait for an outcome (`Prefer: wait=N`, RFC 7240).
fn wait(headers: &HeaderMap) -> Duration {
    headers
        .get_all(PREFER)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.trim().strip_prefix("wait="))
        .find_map(|seconds| seconds.trim().parse().ok())
        .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(value: &str) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("prefer"), HeaderValue::from_str(value).unwrap());
        wait(&headers)
    }

    #[test]
    fn a_preferred_wait_lengthens_the_limit_within_bounds() {
        assert_eq!(prefer("wait=5"), Duration::from_secs(5));
        assert_eq!(prefer("respond-async, wait=10"), Duration::from_secs(10));
        assert_eq!(prefer("wait=99999"), LONGEST_WAIT);
        assert_eq!(prefer("wait=-1"), Duration::ZERO);
        assert_eq!(prefer("handling=strict"), Duration::ZERO);
    }

    #[test]
    fn only_harmless_requests_are_sent_twice() {
        let mut headers = HeaderMap::new();
        assert!(repeatable(&Method::GET, &headers) && !repeatable(&Method::POST, &headers));
        assert!(!repeatable(&Method::PATCH, &headers));
        headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_static("k"));
        assert!(repeatable(&Method::POST, &headers));
    }
}
