//! The gateway's own pages: the merged OpenAPI document of all services, and Swagger UI on top of it.
//!
//! The rule it keeps: nobody waits for a refresh once there is a document, and a service that is away keeps its part.

mod merge;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use arc_swap::ArcSwapOption;
use bytes::{Bytes, BytesMut};
use futures::future::{join_all, poll_fn};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::body::Incoming;
use crate::refusal::Refusal;
use crate::routes::Service;
use crate::upstream::{Outbound, Upstreams};
use crate::worker::Worker;

/// How old a complete document may be.
const FRESH: Duration = Duration::from_secs(60);
/// How old one may be in which a service is missing.
const FRESH_INCOMPLETE: Duration = Duration::from_secs(2);
/// For one service's document.
const FETCH_LIMIT: Duration = Duration::from_secs(3);
/// A document longer than this is not one of ours, bytes.
const SIZE_LIMIT: usize = 8 * 1024 * 1024;

/// The merged document, shared by all workers.
#[derive(Clone, Default)]
pub struct Documents(Arc<State>);

#[derive(Default)]
struct State {
    merged: ArcSwapOption<Merged>,
    /// What each service said last, in the order of [`Service::ALL`].
    parts: Mutex<[Option<Value>; Service::ALL.len()]>,
    refreshing: AtomicBool,
}

struct Merged {
    body: Bytes,
    tag: String,
    made: Instant,
    complete: bool,
}

impl Merged {
    fn is_fresh(&self) -> bool {
        self.made.elapsed() < if self.complete { FRESH } else { FRESH_INCOMPLETE }
    }
}

/// `GET /openapi.json`.
pub async fn openapi(worker: web::Data<Worker>, request: HttpRequest) -> HttpResponse {
    if let Some(refused) = only_get(&request) {
        return refused;
    }
    let documents = worker.shared.documents.clone();
    let known = documents.0.merged.load_full();
    let merged = match known {
        Some(merged) if merged.is_fresh() => merged,
        Some(merged) => {
            if !documents.0.refreshing.swap(true, Ordering::AcqRel) {
                let done = Refreshing(documents.clone());
                actix_web::rt::spawn(async move {
                    done.0.refresh(&worker.upstreams).await;
                    drop(done);
                });
            }
            merged
        }
        None => documents.refresh(&worker.upstreams).await,
    };
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == merged.tag));
    let status = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut reply = HttpResponse::build(status);
    reply.insert_header((ETAG, merged.tag.as_str())).insert_header((CACHE_CONTROL, "no-cache"));
    if unchanged {
        return reply.finish();
    }
    reply.insert_header((CONTENT_TYPE, "application/json")).body(merged.body.clone())
}

/// `GET /docs`.
pub async fn page(request: HttpRequest) -> HttpResponse {
    if let Some(refused) = only_get(&request) {
        return refused;
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        // The page carries its script and style within, and asks nobody but this gateway.
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
             font-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        ))
        .body(rest::documents::swagger_page("Cyber Store", "/openapi.json"))
}

fn only_get(request: &HttpRequest) -> Option<HttpResponse> {
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    (!allowed).then(|| Refusal::WrongMethod { allow: "GET, HEAD" }.reply(&uuid::Uuid::now_v7().to_string()))
}

/// Says that nobody refreshes any more, on every way out.
struct Refreshing(Documents);

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.0.0.refreshing.store(false, Ordering::Release);
    }
}

impl Documents {
    async fn refresh(&self, upstreams: &Upstreams) -> Arc<Merged> {
        let deployed: Vec<Service> = Service::ALL.into_iter().filter(|service| upstreams.serves(*service)).collect();
        let fetched = join_all(deployed.iter().map(|service| fetch(upstreams, *service))).await;
        let mut complete = true;
        let merged = {
            let mut parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
            for (service, document) in deployed.iter().zip(fetched) {
                match document {
                    Ok(document) => parts[service.index()] = Some(document),
                    Err(cause) => {
                        complete = false;
                        tracing::warn!(service = service.name(), %cause, "the service's OpenAPI document could not be read");
                    }
                }
            }
            let missing: Vec<_> = deployed
                .iter()
                .filter(|service| parts[service.index()].is_none())
                .map(|service| service.name())
                .collect();
            let parts = deployed
                .iter()
                .filter_map(|service| parts[service.index()].clone().map(|document| (service.name(), document)))
                .collect();
            merge::merge(parts, &missing)
        };
        let body = Bytes::from(merged.to_string());
        let digest = Sha256::digest(&body);
        let tag = digest.iter().take(12).fold(String::from("\""), |tag, byte| tag + &format!("{byte:02x}")) + "\"";
        let merged = Arc::new(Merged { body, tag, made: Instant::now(), complete });
        self.0.merged.store(Some(Arc::clone(&merged)));
        merged
    }
}

async fn fetch(upstreams: &Upstreams, service: Service) -> Result<Value, String> {
    let outbound = Outbound {
        method: hyper::Method::GET,
        target: hyper::Uri::from_static("/openapi.json"),
        headers: &hyper::HeaderMap::new,
        body: Incoming::Whole(Bytes::new()),
        repeatable: true,
    };
    let reading = async {
        let (answer, mut exchange) =
            upstreams.send(service, outbound, FETCH_LIMIT).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("it answered {}", answer.status));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = poll_fn(|context| exchange.poll_body(context)).await {
            body.extend_from_slice(&piece.map_err(|error| error.to_string())?);
            if body.len() > SIZE_LIMIT {
                return Err("it is longer than 8 MiB".to_owned());
            }
        }
        serde_json::from_slice(&body).map_err(|error| format!("it is not JSON: {error}"))
    };
    tokio::time::timeout(FETCH_LIMIT, reading)
        .await
        .unwrap_or_else(|_| Err(format!("it did not arrive within {} s", FETCH_LIMIT.as_secs())))
}
