//! The HTTP server: sockets, workers and time limits around [`crate::proxy`].
//!
//! The rule it keeps: a stop refuses new connections and lets running requests finish.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, web};
use rest::server::{Server, Terms};

use crate::worker::{Shared, Worker};
use crate::{pages, proxy};

/// After this time a client's idle connection is closed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Within this time the head of a request must be complete.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// How long a stop waits for running requests, seconds: as long as in the services, so that the rest of the stop (up to
/// 5 s) ends within `SHUTDOWN_SECONDS`.
const STOP_LIMIT: u64 = 15;

/// Listens on `address`, to serve with so many worker threads.
///
/// # Errors
/// When the address cannot be listened on.
pub fn bind(address: SocketAddr, workers: usize, shared: Shared) -> io::Result<Server> {
    let terms = Terms {
        workers,
        // Idle connections are cheap; running requests are limited by `Places`.
        connections: shared.behaviour.at_once.saturating_mul(4).clamp(256, 25_000),
        keep_alive: KEEP_ALIVE,
        head: HEAD_LIMIT,
        stop: STOP_LIMIT,
        pace: shared.behaviour.pace,
        // A client that goes away frees its place and its service at once; what the service has begun is still
        // finished.
        hang_up_ends: true,
    };
    rest::server::serve(address, terms, move || {
        App::new()
            .app_data(web::Data::new(Worker::new(shared.clone())))
            .route("/openapi.json", web::route().to(pages::openapi))
            .route("/docs", web::route().to(pages::docs))
            .route("/problems/{name}", web::route().to(pages::problem))
            .default_service(web::route().to(proxy::forward))
    })
}
