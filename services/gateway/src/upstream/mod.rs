//! Sending a request to one of a service's replicas and getting the head of its answer.
//!
//! The rule it keeps: a request is sent again only when the service cannot have acted on it, or when acting twice is
//! harmless (idempotent methods, requests with an `Idempotency-Key`).
//!
//! Why not a ready-made client: an answer must be readable while the request is still being sent (streamed imports),
//! "refused" and "broken after sending" must be told apart to send again safely, and a body that was cut off must not
//! look complete. The usual client of this framework does none of the three, and starts a timer task per request.

mod answer;
mod connection;
mod exchange;
mod framing;
mod pool;
mod replicas;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

pub use answer::{Answer, Unreadable};
pub use exchange::{Cut, Exchange, Failure, Source, Upload};
pub use replicas::{Address, NoAddress, Replicas};

use crate::body::Incoming;
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
    /// It may or may not have been carried out.
    #[error("{0} closed the connection before it answered; whether it acted is not known, so look before repeating")]
    Broken(Service),
    /// It took too long.
    #[error("{service} did not answer within {seconds} s; look at its log for this request id")]
    TimedOut {
        /// Which.
        service: Service,
        /// The limit.
        seconds: u64,
    },
    /// Not HTTP.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The client's own body failed.
    #[error(transparent)]
    Upload(#[from] crate::body::UploadError),
}

/// A request to a service.
pub struct Outbound<'a> {
    /// Writes the head for a replica's `host:port`.
    pub head: &'a dyn Fn(&mut BytesMut, &str),
    /// Its body.
    pub body: Incoming,
    /// The answer has no body whatever its head says.
    pub is_head: bool,
    /// Sending it twice is harmless.
    pub repeatable: bool,
}

/// The way to all services, one per worker: the pools belong to the worker's own event loop.
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
    /// A streamed body takes as long as it takes: there the limit is for each stretch without progress.
    pub async fn send(
        &self,
        service: Service,
        outbound: Outbound<'_>,
        limit: Duration,
    ) -> Result<(Answer, Exchange), SendError> {
        let deadline = Instant::now() + limit;
        let Outbound { head: write_head, body, is_head, repeatable } = outbound;
        let (whole, mut upload) = match body {
            Incoming::None => (Bytes::new(), None),
            Incoming::Whole(bytes) => (bytes, None),
            Incoming::Streamed(upload, _) => (Bytes::new(), Some(upload)),
        };
        let streamed = upload.is_some();
        let replicas = &self.shared[service.index()];
        let pools = &self.pools[service.index()];
        let mut tried = 0_u64;
        for _ in 0..ATTEMPTS {
            let Some(index) = replicas.next(tried) else { break };
            tried |= 1 << index;
            let pool = &pools[index];
            let authority = replicas.authority(index);
            // A streamed body cannot be sent again, so it does not go over a connection that may just be closing.
            let pooled = if streamed { None } else { pool.take() };
            let mut connection = match pooled {
                Some(connection) => connection,
                None => match Connection::open(authority, self.connect_limit).await {
                    Ok(connection) => connection,
                    Err(cause) => {
                        pool.clear();
                        replicas.failed(index, &cause);
                        continue;
                    }
                },
            };
            connection.outgoing.clear();
            write_head(&mut connection.outgoing, authority);
            connection.outgoing.extend_from_slice(&whole);
            let mut exchange = Exchange::new(connection, Rc::clone(pool), upload.take());
            let timed_out = SendError::TimedOut { service, seconds: limit.as_secs() };
            let head = if streamed {
                exchange.head_with_progress(is_head, limit).await
            } else {
                timeout_at(deadline, exchange.head(is_head)).await.ok()
            };
            match head.ok_or(timed_out)? {
                Ok(answer) => {
                    replicas.answered(index);
                    return Ok((answer, exchange));
                }
                Err(Failure::Upload(error)) => return Err(error.into()),
                Err(Failure::Unreadable(error)) => return Err(error.into()),
                Err(Failure::Broken { cause, reused }) => {
                    pool.clear();
                    if reused {
                        // It had been idle and the service closed it: the replica itself may be well.
                        tried &= !(1 << index);
                    } else {
                        replicas.failed(index, &cause);
                    }
                    if streamed || !repeatable {
                        return Err(SendError::Broken(service));
                    }
                }
            }
        }
        Err(SendError::Unavailable(service))
    }
}
