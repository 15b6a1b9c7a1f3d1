//! A stand-in for Telegram's Bot API: an HTTP server that answers `sendMessage`, `editMessageText`, `getUpdates`,
//! `answerCallbackQuery` and `getMe` with the replies, limits and refusals of the real one. What was sent can be read at `/messages`;
//! what somebody says to the bot is posted to `/say`, and what somebody presses to `/press`.
//! The rule it keeps: nothing leaves this machine.

mod html;
mod http;
mod limits;
mod state;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

use crate::Error;
pub use state::{Button, Failure, Message, Pressed, Said, Toast, somebody};
use state::{State, Update};

/// The only token that the stand-in accepts; it has the form of a real one.
pub const TOKEN: &str = "1000001:stand-in-for-the-token-of-a-bot";

/// The name of its bot, as commands name it.
pub const NAME: &str = "cyber_bot";

/// The chat that it knows by default; negative, like a real group's.
pub const CHAT: &str = "-1001000000001";

/// What the stand-in accepts, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 stands for any free one.
    pub address: SocketAddr,
    /// The chats that the bot is in.
    pub chats: Vec<String>,
    /// How many messages one chat accepts at once; after that, one per second.
    pub burst: u32,
    /// Messages per second over all chats.
    pub per_second: u32,
    /// Messages that a group accepts within a minute, which is 20 at Telegram; none: as many as any chat.
    pub group_per_minute: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            chats: vec![CHAT.to_owned()],
            burst: 5,
            per_second: 30,
            group_per_minute: None,
        }
    }
}

/// A running stand-in; it stops when this value is dropped.
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
    let state = Arc::new(Mutex::new(State::new(&settings)));
    let shared = web::Data::from(Arc::clone(&state));
    let (report, reported) = std::sync::mpsc::channel();
    // actix needs a runtime of its own. In a thread, that works in any test.
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
                    let _gone = report.send(Ok(server.handle()));
                    let _ended = server.await;
                }
                Err(error) => {
                    let _gone = report.send(Err(error));
                }
            }
        });
    });
    let handle = reported
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

    /// How many messages came faster than the limits allow; a part of [`BotApi::refused`].
    #[must_use]
    pub fn over_limit(&self) -> u64 {
        state::locked(&self.state).over_limit()
    }

    /// How many messages were accepted whose sender was never told so.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        state::locked(&self.state).unconfirmed()
    }

    /// From now on the bot is given every update twice.
    pub fn doubles_updates(&self) {
        state::locked(&self.state).doubles_updates();
    }

    /// The group becomes a supergroup with this id: from now on messages to it are refused, and the new id takes them.
    pub fn migrate(&self, chat: &str, to: i64) {
        state::locked(&self.state).migrate(chat, to);
    }

    /// Fails the next `count` calls of `sendMessage` in this way, whatever they send.
    pub fn fail_next(&self, count: u32, failure: Failure) {
        state::locked(&self.state).fail_next(count, failure);
    }

    /// Says something to the bot, which reads it with `getUpdates`. The number of the update.
    pub fn say(&self, chat: i64, topic: Option<i64>, text: &str) -> i64 {
        self.say_as(somebody(), chat, topic, text)
    }

    /// The same, as this account.
    pub fn say_as(&self, account: i64, chat: i64, topic: Option<i64>, text: &str) -> i64 {
        state::locked(&self.state).say(Said { chat, topic, text: text.to_owned(), account })
    }

    /// Presses a button. The number of the update, which is the press's id too.
    pub fn press(&self, pressed: Pressed) -> i64 {
        state::locked(&self.state).press(pressed)
    }

    /// Tells the bot of a press once more, under its number: what Telegram does when it has not heard that the first was read.
    pub fn press_again(&self, number: i64, pressed: Pressed) {
        state::locked(&self.state).repeat(number, Update::Pressed(pressed));
    }

    /// What those who pressed buttons were told.
    #[must_use]
    pub fn toasts(&self) -> Vec<Toast> {
        state::locked(&self.state).toasts()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, message: i64) {
        state::locked(&self.state).delete(message);
    }

    /// From now on the bot is blocked in this chat: 403.
    pub fn close(&self, chat: &str) {
        state::locked(&self.state).close(chat, true);
    }

    /// The bot is let into this chat again.
    pub fn reopen(&self, chat: &str) {
        state::locked(&self.state).close(chat, false);
    }
}

impl Drop for BotApi {
    fn drop(&mut self) {
        // The call itself sends the command; nothing has to be awaited. The thread ends when the server has stopped.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
