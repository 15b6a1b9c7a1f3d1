//! Listening, serving and stopping.
//! The rule: every limit of the server is set here, none is left to a default.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, HttpServer, web};
use tokio_util::sync::CancellationToken;

use crate::api::Routes;
use crate::app::App;
use crate::door;
use crate::problem::Problem;
use crate::problems;

/// A server that listens; [`Server::run`] makes it serve.
pub struct Server {
    address: SocketAddr,
    server: actix_web::dev::Server,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {cause}; set HTTP_ADDRESS to a free address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

/// Listens, to serve `routes` with this many threads. Port 0 takes a free one. Call it on the main runtime.
///
/// # Errors
/// When the address cannot be listened on.
pub fn bind(address: SocketAddr, workers: usize, app: App, routes: Routes) -> Result<Server, StartError> {
    let server = HttpServer::new(move || application(app.clone(), routes.clone()))
        .workers(workers.max(1))
        .max_connections(4_096)
        .backlog(1_024)
        // Longer than the gateway keeps its own.
        .keep_alive(Duration::from_secs(75))
        // The head only; bodies have limits of their own.
        .client_request_timeout(Duration::from_secs(5))
        .client_disconnect_timeout(Duration::from_secs(2))
        .shutdown_timeout(15)
        .disable_signals()
        .bind(address)
        .map_err(|cause| StartError::Listen { address, cause })?;
    let address = server.addrs().first().copied().unwrap_or(address);
    tracing::info!(%address, "serving HTTP on {address}");
    Ok(Server::new(address, server.run()))
}

/// The application of one worker: the routes inside the door. For tests that need no socket.
#[must_use]
pub fn application(
    app: App,
    routes: Routes,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    actix_web::App::new()
        .app_data(app)
        .configure(|config| routes.mount(config))
        .default_service(web::to(unknown_route))
        .wrap(from_fn(door::pass))
}

async fn unknown_route() -> Result<HttpResponse, Problem> {
    Err(Problem::new(problems::NOT_FOUND).detail("No route has this path."))
}

impl Server {
    /// What listens on `address`.
    #[must_use]
    pub fn new(address: SocketAddr, server: actix_web::dev::Server) -> Self {
        Self { address, server }
    }

    /// Where it really listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to stop; then stops accepting and lets running requests finish within 15
    /// seconds.
    ///
    /// # Errors
    /// When the server ends with an error.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let handle = self.server.handle();
        let mut server = self.server;
        tokio::select! {
            ended = &mut server => return ended,
            () = stop.cancelled() => {}
        }
        let (ended, ()) = tokio::join!(server, handle.stop(true));
        ended
    }
}
