//! Sending a request to one of a service's replicas and getting the head of its answer.
//!
//! The rule it keeps: a request is sent again only when the service cannot have acted on it, or when acting twice is
//! harmless (idempotent methods, requests with an `Idempotency-Key`).
//!
//! The protocol is left to hyper's client for a single connection: it reads an answer while the request is still being
//! sent (streamed imports), returns a request that it never sent, and reports a body that was cut off. This module
//! decides which replica, which connection, and whether to send again.

mod answer;
mod connection;
mod name;
mod pool;
mod replicas;

use std::error::Error as _;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Request, Uri};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

pub use answer::{Answer, Cut, Exchange, Unreadable};
pub use replicas::{Address, NoAddress, Replicas};

use crate::body::{Incoming, UploadError};
use crate::routes::Service;
use connection::Connection;
use pool::Pool;

/// Attempts for one request, the first included.
const ATTEMPTS: u32 = 4;

/// Why no answer came.
#[derive(Debug, Error)]
pub enum SendError {
    /// No replica took the request.
    #[error("no replica of {0} takes connections; try again in a moment")]
    Unavailable(Service),
    /// The service may or may not have acted on the request.
    #[error("{0} closed the connection before it answered; whether it acted is not known, so look before repeating")]
    Broken(Service),
    /// The service did not answer in time.
    #[error("{service} did not answer within {seconds} s; look at its log for this request id")]
    TimedOut {
        /// The service.
        service: Service,
        /// The time limit.
        seconds: u64,
    },
    /// The answer is not valid HTTP.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The client's own body failed.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// A request to a service.
pub struct Outbound<'a> {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: Uri,
    /// Makes its headers, without `Host` and those that frame the body; called once per attempt.
    pub headers: &'a dyn Fn() -> HeaderMap,
    /// Its body.
    pub body: Incoming,
    /// Whether sending it twice is harmless.
    pub repeatable: bool,
}

impl Outbound<'_> {
    fn request(&self, host: HeaderValue, body: Incoming) -> Request<Incoming> {
        let mut headers = (self.headers)();
        headers.insert(HOST, host);
        match &body {
            // A POST without a length would make the service ask for one.
            Incoming::Whole(bytes) if bytes.is_empty() => {
                if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                }
            }
            Incoming::Streamed(upload) if upload.declared().is_none() => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            // hyper adds the length that it knows.
            Incoming::Whole(_) | Incoming::Streamed(_) => {}
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// The connections to all services, one per worker: the pools belong to the worker's own event loop.
pub struct Upstreams {
    shared: Arc<Vec<Replicas>>,
    pools: Vec<Vec<Rc<Pool>>>,
    connect_limit: Duration,
}

impl Upstreams {
    /// `shared` holds the replicas in the order of [`Service::ALL`].
    #[must_use]
    pub fn new(shared: Arc<Vec<Replicas>>, connect_limit: Duration) -> Upstreams {
        let pools =
            shared.iter().map(|replicas| (0..replicas.len()).map(|_| Rc::new(Pool::default())).collect()).collect();
        Upstreams { shared, pools, connect_limit }
    }

    /// Whether the service has replicas at all.
    #[must_use]
    pub fn serves(&self, service: Service) -> bool {
        !self.shared[service.index()].is_empty()
    }

    /// Sends, and sends again where that is safe, until one replica answered, within `limit` in all.
    ///
    /// For a streamed body, which may take long, the limit is for each period without progress.
    pub async fn send(
        &self,
        service: Service,
        mut outbound: Outbound<'_>,
        limit: Duration,
    ) -> Result<(Answer, Exchange), SendError> {
        let deadline = Instant::now() + limit;
        let (whole, mut upload) = match std::mem::replace(&mut outbound.body, Incoming::Whole(Bytes::new())) {
            Incoming::Whole(bytes) => (bytes, None),
            Incoming::Streamed(upload) => (Bytes::new(), Some(upload)),
        };
        let pieces = upload.as_ref().map(|upload| upload.pieces());
        let replicas = &self.shared[service.index()];
        let pools = &self.pools[service.index()];
        let mut tried = 0_u64;
        for _ in 0..ATTEMPTS {
            let Some(index) = replicas.next(tried) else { break };
            tried |= 1 << index;
            let pool = &pools[index];
            let authority = replicas.authority(index);
            // A streamed body cannot be sent again, so it does not go over a connection that may just be closing.
            let pooled = if pieces.is_some() { None } else { pool.take() };
            let mut connection = match pooled {
                Some(connection) => connection,
                None => match Connection::open(authority, &pool.name, self.connect_limit).await {
                    Ok(connection) => connection,
                    Err(cause) => {
                        pool.clear();
                        replicas.failed(index, &cause);
                        continue;
                    }
                },
            };
            let body = upload.take().map_or_else(|| Incoming::Whole(whole.clone()), Incoming::Streamed);
            let request = outbound.request(replicas.host(index), body);
            let mut sending = pin!(connection.sender.try_send_request(request));
            let mut until = if pieces.is_some() { Instant::now() + limit } else { deadline };
            let mut seen = 0;
            let outcome = loop {
                match (timeout_at(until, &mut sending).await, &pieces) {
                    (Ok(outcome), _) => break outcome,
                    (Err(_), Some(pieces)) if pieces.get() != seen => {
                        seen = pieces.get();
                        until = Instant::now() + limit;
                    }
                    (Err(_), _) => return Err(SendError::TimedOut { service, seconds: limit.as_secs() }),
                }
            };
            let mut failure = match outcome {
                Ok(response) => {
                    replicas.answered(index);
                    let (head, body) = response.into_parts();
                    let answer = Answer::of(head.status, &head.headers)?;
                    return Ok((answer, Exchange::new(body, connection, Rc::clone(pool))));
                }
                Err(failure) => failure,
            };
            let unsent = failure.take_message();
            let error = failure.into_error();
            if let Some(error) = error.source().and_then(|cause| cause.downcast_ref::<UploadError>()) {
                return Err((*error).into());
            }
            if error.is_parse() {
                return Err(Unreadable(error.to_string()).into());
            }
            pool.clear();
            if connection.reused {
                // It had been idle and the service closed it: the replica itself may be healthy.
                tried &= !(1 << index);
            } else {
                let cause: &dyn std::error::Error = error.source().unwrap_or(&error);
                replicas.failed(index, &cause);
            }
            match unsent.map(Request::into_body) {
                // Nothing of it was sent, so it is sent again, whatever it is.
                Some(Incoming::Streamed(taken_back)) => upload = Some(taken_back),
                Some(Incoming::Whole(_)) => {}
                None if outbound.repeatable && pieces.is_none() => {}
                None => return Err(SendError::Broken(service)),
            }
        }
        Err(SendError::Unavailable(service))
    }
}
