//! The way of one request through the gateway: look at it, find its owner, check, limit, pass on, answer.
//!
//! The rule it keeps: cheap checks come before expensive ones, and a request that one of them refuses reaches no
//! service.

mod api_key;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use access::PresentedKey;
use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::{ALLOW, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::FutureExt;
use rest::Prefer;
use rest::server::RequestBody;
use tracing::Instrument;
use uuid::Uuid;

use crate::body::{self, Incoming};
use crate::clients;
use crate::headers::{self, Added, Credential, HopByHop};
use crate::hygiene;
use crate::limits::{Admission, Rule, Subject};
use crate::passing::{self, Passing};
use crate::refusal::Refusal;
use crate::routes::{self, Class, Guard, Route, Service};
use crate::shed::Place;
use crate::trace::Trace;
use crate::upstream::{Outbound, SendError};
use crate::worker::Worker;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const NO_SNIFFING: (HeaderName, HeaderValue) =
    (actix_web::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// Handles every request but those for the gateway's own pages.
pub async fn forward(worker: web::Data<Worker>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let begun = Instant::now();
    let (body, payload) = RequestBody::of(&request, payload.into_inner());
    let mut buffer = Uuid::encode_buffer();
    let request_id: &str = Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
    let mut admissions = [None, None];
    let mut service = None;
    let passing = pass(&worker, &request, payload, request_id, &mut admissions, &mut service);
    // A panic would end the worker's other requests too. Whatever it leaves inconsistent is dropped with the request.
    let outcome = AssertUnwindSafe(passing).catch_unwind().await.unwrap_or(Err(Refusal::Internal));
    body.answered().await;
    let mut reply = outcome.unwrap_or_else(|refusal| {
        if let Some(bound) = refusal.bound() {
            worker.meters.lacked(bound);
        }
        if refusal.kind().status() >= 500 {
            tracing::warn!(request_id, path = request.path(), "{refusal}");
        } else {
            rest::refused::log(request_id, request.method().as_str(), refusal.kind());
        }
        refusal.reply(request_id)
    });
    let headers = reply.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(NO_SNIFFING.0, NO_SNIFFING.1);
    worker.gate.describe(&admissions, headers);
    worker.meters.replied(service, reply.status().as_u16(), begun.elapsed());
    reply
}

async fn pass(
    worker: &Worker,
    request: &HttpRequest,
    payload: Payload,
    request_id: &str,
    admissions: &mut [Option<Admission>; 2],
    service: &mut Option<Service>,
) -> Result<HttpResponse, Refusal> {
    let head = request.head();
    let (uri, method) = (&head.uri, &head.method);
    let place = worker.shared.places.take().ok_or(Refusal::Overloaded)?;
    hygiene::inspect(uri.path(), uri.query(), &head.headers)?;
    let route = routes::find(uri.path()).ok_or(Refusal::UnknownRoute)?;
    if !worker.upstreams.serves(route.service) {
        return Err(Refusal::UnknownRoute);
    }
    *service = Some(route.service);

    let address = head.peer_addr.map(|peer| clients::address(peer.ip(), &head.headers, &worker.shared.proxies));
    if let Some(address) = address {
        let rule = if route.class == Class::Login { Rule::Login } else { Rule::Address };
        admissions[0] = worker.gate.admit(rule, Subject::of_address(address)).await;
        within(admissions[0])?;
    }
    let hop_by_hop = HopByHop::of(&head.headers);
    let identity = &worker.shared.identity;
    let checked = match route.guard {
        Guard::Open => None,
        Guard::Offered => identity.verify(&head.headers, &hop_by_hop, address)?,
        Guard::Required => {
            Some(identity.verify(&head.headers, &hop_by_hop, address)?.ok_or_else(Refusal::without_credential)?)
        }
    };
    if let Some(checked) = checked.as_ref().filter(|_| !route.own_account) {
        identity.check_in_use(checked)?;
    }
    let organisation = match &checked {
        Some(checked) => checked.organisation,
        None => route.shop.and_then(|slug| identity.shop(slug)),
    };
    if let Some(organisation) = organisation {
        admissions[1] = worker.gate.admit(Rule::Organisation, Subject::Organisation(organisation)).await;
        within(admissions[1])?;
    }

    let behaviour = &worker.shared.behaviour;
    let known = hygiene::passes(method);
    let limit = behaviour.longest(route.size);
    let sending = if known {
        let body = body::take(&head.headers, payload, limit, behaviour.body_patience).await.map_err(Refusal::Body)?;
        Sending { method, body }
    } else {
        // Only the owner of the address knows its methods.
        Sending { method: &Method::OPTIONS, body: Incoming::Whole(Bytes::new()) }
    };
    let trace = Trace::start(&head.headers, method, uri.path(), route.service, behaviour.sampled);
    let span = trace.span().clone();
    // Where nobody looked at it, an API key still ends here.
    let credential = if carries_key(&head.headers) { Credential::Dropped } else { Credential::Kept };
    let added = Added { address, request_id, traceparent: trace.traceparent(), credential };
    let sent = async {
        let Some(key) = checked.and_then(|checked| checked.key) else {
            return exchange(worker, request, sending, route, &hop_by_hop, added, place).await;
        };
        let authorization = api_key::authorization(worker, &key, added).await?;
        let added = Added { credential: Credential::Replaced(&authorization), ..added };
        exchange(worker, request, sending, route, &hop_by_hop, added, place).await
    };
    let sent = sent.instrument(span).await;
    let outcome = if known { sent } else { sent.and_then(not_allowed) };
    let status = match &outcome {
        Ok(reply) => reply.status(),
        Err(refusal) => StatusCode::from_u16(refusal.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    trace.answered(status);
    outcome
}

/// Whether the request carries an API key, valid or not.
fn carries_key(headers: &HeaderMap) -> bool {
    let credential = headers.get(AUTHORIZATION).and_then(|value| access::bearer(value.to_str().ok()?));
    credential.is_some_and(|credential| credential.starts_with(PresentedKey::PREFIX))
}

fn within(admission: Option<Admission>) -> Result<(), Refusal> {
    match admission {
        Some(admission) if !admission.allowed => {
            Err(Refusal::TooManyRequests { policy: admission.rule.name(), retry_after: admission.more_seconds() })
        }
        _ => Ok(()),
    }
}

/// The reply to a method that no service sees, from what the owner of the address said about its methods.
fn not_allowed(reply: HttpResponse) -> Result<HttpResponse, Refusal> {
    match reply.headers().get(ALLOW).and_then(|allow| allow.to_str().ok()) {
        Some(allow) if reply.status().is_success() => Err(Refusal::WrongMethod { allow: allow.to_owned() }),
        _ => Ok(reply),
    }
}

/// What a service gets of a request beside its headers.
struct Sending<'a> {
    method: &'a Method,
    body: Incoming,
}

/// Sends the request to its service and turns the answer into the reply.
async fn exchange(
    worker: &Worker,
    request: &HttpRequest,
    Sending { method, body }: Sending<'_>,
    route: Route<'_>,
    hop_by_hop: &HopByHop,
    added: Added<'_>,
    place: Place,
) -> Result<HttpResponse, Refusal> {
    let head = request.head();
    let target = route.rewritten.or_else(|| head.uri.path_and_query().map(|target| target.as_str())).unwrap_or("/");
    let outbound = Outbound {
        method: hyper::Method::from_bytes(method.as_str().as_bytes())
            .map_err(|_| Refusal::Malformed("its method is none"))?,
        target: target.parse().map_err(|_| Refusal::Malformed("its address is none"))?,
        headers: &|| headers::to_service(&head.headers, hop_by_hop, added),
        body,
        repeatable: repeatable(method, &head.headers),
    };
    let behaviour = &worker.shared.behaviour;
    let limit = behaviour.answer_limit + wait(&head.headers);
    let service = route.service;
    let (answer, mut exchange) = worker.upstreams.send(service, outbound, limit).await.map_err(|error| {
        if !matches!(error, SendError::Upload(_)) {
            tracing::warn!(service = service.name(), request_id = added.request_id, %error, "no answer of the service");
        }
        Refusal::of_sending(service, &error)
    })?;
    let mut reply = HttpResponse::with_body(answer.status, BoxBody::new(()));
    *reply.headers_mut() = answer.headers;
    if *method == Method::HEAD {
        exchange.whole_body();
        return Ok(reply.set_body(BoxBody::new(passing::LengthOnly(answer.length))));
    }
    Ok(match exchange.whole_body() {
        Some(bytes) => reply.set_body(BoxBody::new(bytes)),
        None => {
            let patience = passing::patience(reply.headers(), limit);
            reply.set_body(BoxBody::new(Passing::new(exchange, answer.length, patience, place)))
        }
    })
}

/// Whether sending the request twice is harmless.
fn repeatable(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
        || headers.contains_key(IDEMPOTENCY_KEY)
}

/// How long the client would wait for an outcome (`Prefer: wait=N`), beyond the usual limit. Zero where it did not ask,
/// and where its header is malformed, which the service refuses.
fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(PREFER).filter_map(|value| value.to_str().ok());
    values.filter_map(|value| Prefer::parse(value).ok()?.wait()).next().unwrap_or_default()
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
        assert_eq!(prefer("wait=\"5\""), Duration::from_secs(5));
        assert_eq!(prefer("respond-async, wait=10"), Duration::from_secs(10));
        assert_eq!(prefer("wait=99999"), Prefer::LONGEST);
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
