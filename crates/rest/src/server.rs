//! Listening, serving and stopping.
//! The rule: every limit of the server is set here, none is left to a default.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, HttpServer, web};

use crate::api::Routes;
use crate::app::App;
use crate::door;
use crate::problem::Problem;
use crate::problems;

/// How the server listens.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Threads that serve; by default the cores, at most 2.
    pub workers: usize,
    /// Connections per worker.
    pub max_connections: usize,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// How long an idle connection is kept; longer than the gateway keeps its own.
    pub keep_alive: Duration,
    /// How long running requests may take after [`Server::stop`].
    pub shutdown: Duration,
}

impl Settings {
    /// The usual settings for this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            workers: std::thread::available_parallelism().map_or(1, usize::from).min(2),
            max_connections: 4_096,
            backlog: 1_024,
            keep_alive: Duration::from_secs(75),
            shutdown: Duration::from_secs(15),
        }
    }

    /// Another number of workers, at least 1.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
    running: tokio::task::JoinHandle<io::Result<()>>,
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

/// Starts to serve `routes`. Call it on the main runtime.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(settings: Settings, app: App, routes: Routes) -> Result<Server, StartError> {
    let listen = |cause| StartError::Listen { address: settings.address, cause };
    let server = HttpServer::new(move || application(app.clone(), routes.clone()))
        .workers(settings.workers)
        .max_connections(settings.max_connections)
        .backlog(settings.backlog)
        .keep_alive(settings.keep_alive)
        // The head only; bodies have limits of their own.
        .client_request_timeout(Duration::from_secs(5))
        .client_disconnect_timeout(Duration::from_secs(2))
        .shutdown_timeout(settings.shutdown.as_secs())
        .disable_signals()
        .bind(settings.address)
        .map_err(listen)?;
    let address = server.addrs().first().copied().unwrap_or(settings.address);
    let server = server.run();
    let handle = server.handle();
    tracing::info!(%address, "serving HTTP on {address}");
    Ok(Server { address, handle, running: tokio::spawn(server) })
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
    /// Where it really listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets running requests finish within [`Settings::shutdown`], then ends.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.running.await {
            tracing::error!(%error, "the HTTP server ended with an error");
        }
    }
}
