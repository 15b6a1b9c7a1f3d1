//! What the stand-in remembers: the messages, the limits' state, the failures that a test ordered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::limits::Bucket;
use super::{Settings, markup};

/// The longest text that Telegram takes, in characters after the markup is taken away.
const LONGEST: usize = 4096;

/// How many messages are remembered.
const REMEMBERED: usize = 20_000;

/// One accepted message, as `/messages` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Counts from 1 over all chats.
    pub message_id: i64,
    /// The chat as it was named.
    pub chat_id: String,
    /// What a reader sees, without markup.
    pub text: String,
    /// When it came, in milliseconds since 1970.
    pub received_at_ms: u64,
}

/// A failure that a test orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 429 with this many seconds to wait.
    RetryAfter(u64),
    /// 502, as when Telegram is down.
    Unavailable,
    /// 403: the bot was thrown out of the chat.
    Forbidden,
    /// The message is accepted, and the connection breaks before the reply is read.
    LostReply,
}

/// A `sendMessage` that was not simply accepted.
#[derive(Debug)]
pub(super) enum Refusal {
    Told { code: u16, description: String, retry_after: Option<u64> },
    Disconnected,
}

impl Refusal {
    pub(super) fn told(code: u16, description: impl Into<String>) -> Self {
        Self::Told { code, description: description.into(), retry_after: None }
    }

    fn wait(seconds: u64) -> Self {
        Self::Told {
            code: 429,
            description: format!("Too Many Requests: retry after {seconds}"),
            retry_after: Some(seconds),
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    settings: Settings,
    next: i64,
    messages: VecDeque<Message>,
    chats: BTreeMap<String, Bucket>,
    all: Bucket,
    refused: u64,
    ordered: VecDeque<Failure>,
}

/// The state, also after a panic elsewhere: every change to it is complete.
pub(super) fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let per_second = settings.per_second.max(1);
        let chats = settings
            .chats
            .iter()
            .map(|chat| (chat.clone(), Bucket::new(Duration::from_secs(1), settings.burst)))
            .collect();
        Self {
            all: Bucket::new(Duration::from_secs(1) / per_second, per_second),
            settings,
            next: 1,
            messages: VecDeque::new(),
            chats,
            refused: 0,
            ordered: VecDeque::new(),
        }
    }

    pub(super) fn knows(&self, token: &str) -> bool {
        self.settings.token == token
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn messages_since(&self, since: i64) -> Vec<Message> {
        self.messages.iter().filter(|message| message.message_id > since).cloned().collect()
    }

    pub(super) fn fail_next(&mut self, count: u32, failure: Failure) {
        self.ordered.extend((0..count).map(|_| failure));
    }

    /// Accepts or refuses one message, in the order in which Telegram checks.
    pub(super) fn send(&mut self, chat: &str, text: &str, html: bool) -> Result<Message, Refusal> {
        let ordered = self.ordered.pop_front();
        match ordered {
            Some(Failure::RetryAfter(seconds)) => {
                self.refused += 1;
                return Err(Refusal::wait(seconds));
            }
            Some(Failure::Unavailable) => return Err(Refusal::told(502, "Bad Gateway")),
            Some(Failure::Forbidden) => {
                return Err(Refusal::told(403, "Forbidden: bot was kicked from the supergroup chat"));
            }
            Some(Failure::LostReply) | None => {}
        }
        if chat.is_empty() {
            return Err(Refusal::told(400, "Bad Request: chat_id is empty"));
        }
        if !self.chats.contains_key(chat) {
            return Err(Refusal::told(400, "Bad Request: chat not found"));
        }
        let visible = if html {
            markup::visible(text)
                .map_err(|problem| Refusal::told(400, format!("Bad Request: can't parse entities: {problem}")))?
        } else {
            text.to_owned()
        };
        let visible = visible.trim();
        if visible.is_empty() {
            return Err(Refusal::told(400, "Bad Request: message text is empty"));
        }
        if visible.chars().count() > LONGEST {
            return Err(Refusal::told(400, "Bad Request: message is too long"));
        }
        self.within_limits(chat)?;
        let message = Message {
            message_id: self.next,
            chat_id: chat.to_owned(),
            text: visible.to_owned(),
            received_at_ms: since_1970().as_millis().try_into().unwrap_or(u64::MAX),
        };
        self.next += 1;
        self.messages.push_back(message.clone());
        if self.messages.len() > REMEMBERED {
            self.messages.pop_front();
        }
        if ordered == Some(Failure::LostReply) { Err(Refusal::Disconnected) } else { Ok(message) }
    }

    fn within_limits(&mut self, chat: &str) -> Result<(), Refusal> {
        let now = Instant::now();
        let Some(bucket) = self.chats.get_mut(chat) else { return Ok(()) };
        let wait = bucket.wait(now).max(self.all.wait(now));
        if wait.is_zero() {
            bucket.take(now);
            self.all.take(now);
            return Ok(());
        }
        self.refused += 1;
        // Whole seconds, rounded up, never zero: as Telegram says it.
        Err(Refusal::wait(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)))
    }
}

/// Wall clock since 1970; zero on a machine whose clock stands before it.
pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
