//! Exchanging an API key for an access token at auth.
//!
//! The rule it keeps: the request itself was sent to nobody yet, so whatever goes wrong here may be tried again, and is 503
//! unless auth refuses the key.

use std::time::Duration;

use access::{KeyRejection, PresentedKey};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

use crate::body::Incoming;
use crate::headers::{self, Added, HopByHop};
use crate::refusal::Refusal;
use crate::routes::{KEY_EXCHANGE, Service};
use crate::upstream::Outbound;
use crate::worker::Worker;

/// The longest time for an exchange.
const LIMIT: Duration = Duration::from_secs(5);
/// An answer longer than this is not one of auth's, bytes.
const SIZE_LIMIT: usize = 16 * 1024;

/// What auth answers.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

/// The `Authorization` that a service gets in place of the key.
pub(super) async fn authorization(
    worker: &Worker,
    key: &PresentedKey<'_>,
    added: Added<'_>,
) -> Result<HeaderValue, Refusal> {
    let exchange = async || {
        let asked = tokio::time::timeout(LIMIT, ask(worker, key, added)).await;
        let late = || Err(Failure::Lost(format!("nothing came within {} s", LIMIT.as_secs())));
        asked.unwrap_or_else(|_| late()).map_err(|failure| match failure {
            Failure::Refused => Refusal::of_key(KeyRejection::Unknown),
            Failure::Lost(cause) => {
                tracing::warn!(key = %key.key(), request_id = added.request_id, cause, "auth gave no access token");
                Refusal::Unavailable(Service::Auth)
            }
        })
    };
    worker.shared.identity.authorization(key, exchange).await
}

enum Failure {
    /// Auth does not accept the key.
    Refused,
    /// Auth is away, or answers something else than it should.
    Lost(String),
}

async fn ask(worker: &Worker, key: &PresentedKey<'_>, added: Added<'_>) -> Result<(HeaderValue, Duration), Failure> {
    let body = serde_json::json!({ "api_key": key.expose() }).to_string();
    let headers = || {
        let mut headers = headers::to_service(&HeaderMap::new(), &HopByHop::default(), added);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
    };
    let outbound = Outbound {
        method: hyper::Method::POST,
        target: hyper::Uri::from_static(KEY_EXCHANGE),
        headers: &headers,
        body: Incoming::Whole(Bytes::from(body)),
        repeatable: true,
    };
    let lost = |cause: &dyn std::fmt::Display| Failure::Lost(cause.to_string());
    let (answer, exchange) =
        worker.upstreams.send(Service::Auth, outbound, LIMIT).await.map_err(|error| lost(&error))?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(Failure::Refused),
        status => return Err(lost(&format_args!("it answered {status}"))),
    }
    let body = exchange.collect(SIZE_LIMIT).await.map_err(|error| lost(&error))?;
    // What serde says of a wrong answer could repeat the token.
    let granted: Granted = serde_json::from_slice(&body).map_err(|_| lost(&"its answer is not the one expected"))?;
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
        .map_err(|_| lost(&"its token has forbidden bytes"))?;
    authorization.set_sensitive(true);
    Ok((authorization, Duration::from_secs(granted.expires_in)))
}
