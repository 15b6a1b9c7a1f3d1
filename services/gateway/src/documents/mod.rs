//! The OpenAPI documents of the services, fetched and merged into one.
//!
//! The rule it keeps: a service that is away keeps the part that it had.

mod merge;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::EntityTag;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::body::Incoming;
use crate::routes::Service;
use crate::upstream::{Outbound, Upstreams};

/// How old a complete document may become.
const FRESH: Duration = Duration::from_secs(60);
/// How old a document may become in which a service is missing.
const FRESH_INCOMPLETE: Duration = Duration::from_secs(2);
/// The longest time for one service's document.
const FETCH_LIMIT: Duration = Duration::from_secs(3);
/// A document longer than this is not one of ours, bytes.
const SIZE_LIMIT: usize = 8 * 1024 * 1024;

/// The merged document, shared by all workers.
#[derive(Clone, Default)]
pub struct Documents(Arc<State>);

#[derive(Default)]
struct State {
    merged: ArcSwapOption<Document>,
    /// The last document of each service, in the order of [`Service::ALL`].
    parts: Mutex<[Option<Value>; Service::ALL.len()]>,
    refreshing: AtomicBool,
}

/// The merged document.
pub struct Document {
    /// The document as JSON.
    pub body: Bytes,
    /// Its `ETag`, a digest of the body.
    pub tag: EntityTag,
    made: Instant,
    complete: bool,
}

impl Document {
    fn is_fresh(&self) -> bool {
        self.made.elapsed() < if self.complete { FRESH } else { FRESH_INCOMPLETE }
    }
}

/// A refresh under way; dropping it lets the next one begin.
pub struct Refresh(Documents);

impl Refresh {
    /// Fetches the documents anew.
    pub async fn run(self, upstreams: &Upstreams) {
        self.0.fetch(upstreams).await;
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.0.0.refreshing.store(false, Ordering::Release);
    }
}

impl Documents {
    /// The document that was merged last.
    #[must_use]
    pub fn merged(&self) -> Option<Arc<Document>> {
        self.0.merged.load_full()
    }

    /// Begins a refresh when the document is too old; `None` when it is not, or when a refresh is under way.
    #[must_use]
    pub fn refresh_if_stale(&self, document: &Document) -> Option<Refresh> {
        let begins = !document.is_fresh() && !self.0.refreshing.swap(true, Ordering::AcqRel);
        begins.then(|| Refresh(self.clone()))
    }

    /// Fetches the documents of all services and merges them.
    pub async fn fetch(&self, upstreams: &Upstreams) -> Arc<Document> {
        let deployed: Vec<Service> = Service::ALL.into_iter().filter(|service| upstreams.serves(*service)).collect();
        let fetched = join_all(deployed.iter().map(|service| document_of(upstreams, *service))).await;
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
        let tag = EntityTag::new_strong(digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect());
        let merged = Arc::new(Document { body, tag, made: Instant::now(), complete });
        self.0.merged.store(Some(Arc::clone(&merged)));
        merged
    }
}

async fn document_of(upstreams: &Upstreams, service: Service) -> Result<Value, String> {
    let outbound = Outbound {
        method: hyper::Method::GET,
        target: hyper::Uri::from_static("/openapi.json"),
        headers: &hyper::HeaderMap::new,
        body: Incoming::Whole(Bytes::new()),
        repeatable: true,
    };
    let reading = async {
        let (answer, exchange) =
            upstreams.send(service, outbound, FETCH_LIMIT).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("it answered {}", answer.status));
        }
        let body = exchange.collect(SIZE_LIMIT).await.map_err(|error| error.to_string())?;
        serde_json::from_slice(&body).map_err(|error| format!("it is not JSON: {error}"))
    };
    tokio::time::timeout(FETCH_LIMIT, reading)
        .await
        .unwrap_or_else(|_| Err(format!("it did not arrive within {} s", FETCH_LIMIT.as_secs())))
}
