//! Listening, serving and stopping.
//! The rule: every limit of the server is set here, none is left to a default.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::{HttpService, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::api::Routes;
use crate::app::App;
use crate::connection::Connection;
use crate::door;
use crate::problem::Problem;
use crate::problems;

pub use crate::connection::Pace;
pub use crate::unread::RequestBody;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A server that listens; [`Server::run`] makes it serve.
pub struct Server {
    address: SocketAddr,
    server: actix_web::dev::Server,
    /// What the handlers hear of a stop by.
    stopping: CancellationToken,
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

/// What holds for every connection of a server.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Threads, at least one.
    pub workers: usize,
    /// Connections at once of each thread; further ones wait to be accepted.
    pub connections: usize,
    /// After this time an idle connection is closed.
    pub keep_alive: Duration,
    /// Within this time the head of a connection's first request must be complete; bodies have limits of their own.
    pub head: Duration,
    /// How long a stop waits for running requests, seconds.
    pub stop: u64,
    /// The slowest that a client may take its answer.
    pub pace: Pace,
    /// Whether a client that closes its side wants its answer no more: the request is dropped then.
    pub hang_up_ends: bool,
}

/// Listens, to serve `routes` with this many threads. Port 0 takes a free one. Call it on the main runtime.
///
/// # Errors
/// When the address cannot be listened on.
pub fn bind(address: SocketAddr, workers: usize, app: App, routes: Routes) -> Result<Server, StartError> {
    let terms = Terms {
        workers,
        connections: 4_096,
        // Longer than the gateway keeps its own.
        keep_alive: Duration::from_secs(75),
        head: Duration::from_secs(5),
        stop: 15,
        // The gateway takes an answer as slowly as its own client, whom it cuts off itself.
        pace: Pace { bytes: 1, within: Duration::from_secs(300) },
        hang_up_ends: false,
    };
    let stopping = app.stopping().clone();
    let server = serve(address, terms, move || application(app.clone(), routes.clone()))
        .map_err(|cause| StartError::Listen { address, cause })?;
    let server = Server { stopping, ..server };
    tracing::info!(address = %server.address, "serving HTTP on {}", server.address);
    Ok(server)
}

/// Listens, to serve the application that `factory` makes for each thread. Port 0 takes a free one. Call it on the main
/// runtime.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve<F, I, S, B>(address: SocketAddr, terms: Terms, factory: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let listener = listen(address)?;
    let address = listener.local_addr()?;
    let builder = actix_server::Server::build()
        .workers(terms.workers.max(1))
        .max_concurrent_connections(terms.connections)
        .shutdown_timeout(terms.stop)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder.listen("http", listener, move || {
        let stopping = stopping.clone();
        let application = factory().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(terms.keep_alive)
            .client_request_timeout(terms.head)
            // The connection itself knows when its client has gone, and a broken body must still be answered.
            .h1_allow_half_closed(true)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.unread().clone());
            })
            .h1(map_config(application, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| async move {
            let peer = stream.peer_addr().ok();
            stream.set_nodelay(true).map_err(actix_http::error::DispatchError::Io)?;
            Ok((Connection::new(stream, terms.pace, terms.hang_up_ends), peer))
        })
        .and_then(http)
    })?;
    Ok(Server::new(address, server.run()))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for the connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
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
        Self { address, server, stopping: CancellationToken::new() }
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
            () = stop.cancelled() => self.stopping.cancel(),
        }
        let (ended, ()) = tokio::join!(server, handle.stop(true));
        ended
    }
}
