//! The HTTP server: sockets, workers and time limits around [`crate::proxy`].
//!
//! The rule it keeps: a stop refuses new connections and lets running requests finish.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use rest::server::Server;

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
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let at_once = shared.behaviour.at_once;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(Worker::new(shared.clone())))
            .route("/openapi.json", web::route().to(pages::openapi))
            .route("/docs", web::route().to(pages::docs))
            .default_service(web::route().to(proxy::forward))
    })
    .workers(workers.max(1))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_LIMIT)
    .tcp_nodelay(true)
    // A client that goes away frees its place and its service at once; what the service has begun is still finished.
    .h1_allow_half_closed(false)
    // Idle connections are cheap; running requests are limited by `Places`.
    .max_connections(at_once.saturating_mul(4).clamp(256, 25_000))
    .shutdown_timeout(STOP_LIMIT)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(Server::new(address, server))
}
