//! A stand-in for Telegram's Bot API: a real HTTP server with the real one's replies, limits and refusals.
//! Nothing leaves the machine; what was sent can be read back at `/messages`.

mod http;
mod limits;
mod markup;
mod state;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

use crate::Error;
use state::State;
pub use state::{Failure, Message};

/// The token that the stand-in accepts unless told otherwise; it has a real token's form.
pub const TOKEN: &str = "1000001:stand-in-for-the-token-of-a-bot";

/// The chat that it knows unless told otherwise; negative like a real group's.
pub const CHAT: &str = "-1001000000001";

/// What the stand-in accepts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
    /// The one token that is not answered with 401.
    pub token: String,
    /// The chats that the bot is in.
    pub chats: Vec<String>,
    /// How many messages one chat takes at once before one per second is enforced.
    pub burst: u32,
    /// Messages per second over all chats.
    pub per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            token: TOKEN.to_owned(),
            chats: vec![CHAT.to_owned()],
            burst: 5,
            per_second: 30,
        }
    }
}

/// A running stand-in; it stops when this is dropped.
#[derive(Debug)]
pub struct BotApi {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// Starts a stand-in on a free port with the default settings.
///
/// # Errors
/// When no server can be started.
pub fn start() -> Result<BotApi, Error> {
    start_with(Settings::default())
}

/// Starts a stand-in with these settings.
///
/// # Errors
/// When the address is taken or no server can be started.
pub fn start_with(settings: Settings) -> Result<BotApi, Error> {
    let refused = |error: std::io::Error| {
        Error::Refused(format!("cannot serve the Bot API stand-in at {}: {error}", settings.address))
    };
    let listener = TcpListener::bind(settings.address).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let state = Arc::new(Mutex::new(State::new(settings.clone())));
    let shared = web::Data::from(Arc::clone(&state));
    let (tell, told) = std::sync::mpsc::channel();
    // actix wants a runtime of its own; a thread lets the stand-in live in any test.
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let started = HttpServer::new(move || App::new().app_data(shared.clone()).configure(http::routes))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(1)
                .listen(listener)
                .map(HttpServer::run);
            match started {
                Ok(server) => {
                    let _gone = tell.send(Ok(server.handle()));
                    let _ended = server.await;
                }
                Err(error) => {
                    let _gone = tell.send(Err(error));
                }
            }
        });
    });
    let handle = told
        .recv()
        .map_err(|_| Error::Refused("the Bot API stand-in ended while it was starting".to_owned()))?
        .map_err(refused)?;
    Ok(BotApi { address, state, handle, thread: Some(thread) })
}

impl BotApi {
    /// The value for `BOT_API_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every message that was accepted, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        state::locked(&self.state).messages_since(0)
    }

    /// How many requests were answered with 429.
    #[must_use]
    pub fn refused(&self) -> u64 {
        state::locked(&self.state).refused()
    }

    /// Answers the next `count` calls of `sendMessage` with this failure, whatever they say.
    pub fn fail_next(&self, count: u32, failure: Failure) {
        state::locked(&self.state).fail_next(count, failure);
    }
}

impl Drop for BotApi {
    fn drop(&mut self) {
        // The command is sent by the call; the thread ends when it was obeyed.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
