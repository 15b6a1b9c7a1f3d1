//! The stand-in's state: accepted messages, limits, and the failures that a test ordered.
//! The rule it keeps: it checks in the same order as Telegram and uses Telegram's words.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Settings;
use super::html::{self, Shown};
use super::limits::Bucket;

/// The longest text that Telegram accepts, in UTF-16 units.
const LONGEST: usize = 4096;

/// How far above the last update a number is not believed.
const FAR_ABOVE: i64 = 10;

/// How many messages are kept.
const REMEMBERED: usize = 20_000;

/// One accepted message, as `/messages` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Counts from 1 over all chats.
    pub message_id: i64,
    /// The chat, as the sender named it.
    pub chat_id: String,
    /// The topic, where the chat is a forum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i64>,
    /// The text as it is shown, trimmed.
    pub text: String,
    /// The links, mentions, commands and tags in it that Telegram would bring to life.
    #[serde(default)]
    pub live: Vec<String>,
    /// Where the links lead that it was marked with.
    #[serde(default)]
    pub links: Vec<String>,
    /// The message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// How often it was edited.
    #[serde(default)]
    pub edits: u32,
}

/// A text that is to be sent, or to take the place of another.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) chat: &'a str,
    pub(super) topic: Option<i64>,
    pub(super) text: &'a str,
    /// It is HTML.
    pub(super) html: bool,
    pub(super) way: Way,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A message of its own; a reply to this one.
    Send { reply_to: Option<i64>, also_without: bool },
    /// It takes the place of the text of this message.
    Edit { message: i64 },
}

/// What somebody says to the bot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Said {
    /// The chat that it is said in.
    pub chat: i64,
    /// The topic, where the chat is a forum.
    #[serde(default)]
    pub topic: Option<i64>,
    /// The text.
    pub text: String,
}

/// A failure that a test orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 429, with this many seconds to wait.
    RetryAfter(u64),
    /// 502, as when Telegram is down.
    Unavailable,
    /// 400: there is something about the message that is not taken.
    Refused,
    /// 400: the topic of a forum is closed.
    TopicClosed,
    /// 403: the bot was removed from the chat.
    Forbidden,
    /// 400: the group became a supergroup with this id.
    Moved(i64),
    /// The message is accepted, and the connection breaks before the reply is read.
    LostReply,
}

/// Why a `sendMessage` is not answered with the message.
#[derive(Debug)]
pub(super) enum SendError {
    Refused { code: u16, description: String, retry_after: Option<u64>, moved_to: Option<i64> },
    Disconnected,
}

impl SendError {
    fn refused(code: u16, description: &str) -> Self {
        Self::Refused { code, description: description.to_owned(), retry_after: None, moved_to: None }
    }

    fn too_many(seconds: u64) -> Self {
        Self::Refused {
            code: 429,
            description: format!("Too Many Requests: retry after {seconds}"),
            retry_after: Some(seconds),
            moved_to: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    next: i64,
    messages: VecDeque<Message>,
    chats: BTreeMap<String, Bucket>,
    all: Bucket,
    refused: u64,
    ordered: VecDeque<Failure>,
    closed: BTreeSet<String>,
    updates: VecDeque<(i64, Said)>,
    next_update: i64,
    /// Counts the calls of `getUpdates`: a later one ends those before it.
    listening: u64,
}

/// Locks the state, also after a panic: no change leaves it half done.
pub(super) fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        let per_second = settings.per_second.max(1);
        let chats = settings
            .chats
            .iter()
            .map(|chat| (chat.clone(), Bucket::new(Duration::from_secs(1), settings.burst)))
            .collect();
        Self {
            all: Bucket::new(Duration::from_secs(1) / per_second, per_second),
            next: 1,
            messages: VecDeque::new(),
            chats,
            refused: 0,
            ordered: VecDeque::new(),
            closed: BTreeSet::new(),
            updates: VecDeque::new(),
            next_update: 1,
            listening: 0,
        }
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

    pub(super) fn close(&mut self, chat: &str, closed: bool) {
        if closed {
            self.closed.insert(chat.to_owned());
        } else {
            self.closed.remove(chat);
        }
    }

    /// Notes what somebody said: the number of its update.
    pub(super) fn say(&mut self, said: Said) -> i64 {
        let number = self.next_update;
        self.next_update += 1;
        self.updates.push_back((number, said));
        number
    }

    /// The number of a new call of `getUpdates`.
    pub(super) fn listen(&mut self) -> u64 {
        self.listening += 1;
        self.listening
    }

    /// The updates from this number on; those before it are forgotten. A number far above the last update is one of before
    /// the numbers began anew: it forgets nothing, and everything is given. None for a call that a later one has ended.
    pub(super) fn updates_from(&mut self, call: u64, offset: i64) -> Option<Vec<(i64, Said)>> {
        if call != self.listening {
            return None;
        }
        if offset <= self.next_update + FAR_ABOVE {
            self.updates.retain(|(number, _)| *number >= offset);
        }
        Some(self.updates.iter().take(100).cloned().collect())
    }

    /// Somebody deletes a message.
    pub(super) fn delete(&mut self, message: i64) {
        self.messages.retain(|kept| kept.message_id != message);
    }

    /// Takes a text: the message as it is then.
    pub(super) fn take(&mut self, wanted: &Text<'_>) -> Result<Message, SendError> {
        let Text { chat, topic, text, html, way } = *wanted;
        let ordered = self.ordered.pop_front();
        match ordered {
            Some(Failure::RetryAfter(seconds)) => {
                self.refused += 1;
                return Err(SendError::too_many(seconds));
            }
            Some(Failure::Unavailable) => return Err(SendError::refused(502, "Bad Gateway")),
            Some(Failure::Refused) => return Err(SendError::refused(400, "Bad Request: message cannot be sent")),
            Some(Failure::TopicClosed) => return Err(SendError::refused(400, "Bad Request: TOPIC_CLOSED")),
            Some(Failure::Moved(to)) => {
                let description = "Bad Request: group chat was upgraded to a supergroup chat".to_owned();
                return Err(SendError::Refused { code: 400, description, retry_after: None, moved_to: Some(to) });
            }
            Some(Failure::Forbidden) => {
                return Err(SendError::refused(403, "Forbidden: bot was kicked from the supergroup chat"));
            }
            Some(Failure::LostReply) | None => {}
        }
        if chat.is_empty() {
            return Err(SendError::refused(400, "Bad Request: chat_id is empty"));
        }
        if !self.chats.contains_key(chat) {
            return Err(SendError::refused(400, "Bad Request: chat not found"));
        }
        if self.closed.contains(chat) {
            return Err(SendError::refused(403, "Forbidden: bot was blocked by the user"));
        }
        let shown = if html { html::parse(text) } else { Ok(html::plain(text)) };
        let Shown { text, live, links } =
            shown.map_err(|description| SendError::refused(400, &format!("Bad Request: {description}")))?;
        if text.is_empty() {
            return Err(SendError::refused(400, "Bad Request: message text is empty"));
        }
        if text.encode_utf16().count() > LONGEST {
            return Err(SendError::refused(400, "Bad Request: message is too long"));
        }
        let there = |id: i64| self.messages.iter().position(|kept| kept.message_id == id && kept.chat_id == chat);
        let mut reply_to = None;
        if let Way::Send { reply_to: Some(to), also_without } = way {
            reply_to = there(to).map(|_| to);
            if reply_to.is_none() && !also_without {
                return Err(SendError::refused(400, "Bad Request: message to be replied not found"));
            }
        }
        let edited = match way {
            Way::Send { .. } => None,
            Way::Edit { message } => match there(message) {
                Some(at) => Some(at),
                None => return Err(SendError::refused(400, "Bad Request: message to edit not found")),
            },
        };
        if edited.and_then(|at| self.messages.get(at)).is_some_and(|kept| kept.text == text && kept.links == links) {
            let words = "Bad Request: message is not modified: specified new message content and reply markup are exactly \
                the same as a current content and reply markup of the message";
            return Err(SendError::refused(400, words));
        }
        self.within_limits(chat)?;
        let message = if let Some(kept) = edited.and_then(|at| self.messages.get_mut(at)) {
            *kept = Message { text, live, links, edits: kept.edits + 1, ..kept.clone() };
            kept.clone()
        } else {
            let chat_id = chat.to_owned();
            let message = Message { message_id: self.next, chat_id, topic, text, live, links, reply_to, edits: 0 };
            self.next += 1;
            self.messages.push_back(message.clone());
            message
        };
        if self.messages.len() > REMEMBERED {
            self.messages.pop_front();
        }
        if ordered == Some(Failure::LostReply) { Err(SendError::Disconnected) } else { Ok(message) }
    }

    fn within_limits(&mut self, chat: &str) -> Result<(), SendError> {
        let now = Instant::now();
        let Some(bucket) = self.chats.get_mut(chat) else { return Ok(()) };
        let wait = bucket.wait(now).max(self.all.wait(now));
        if wait.is_zero() {
            bucket.take(now);
            self.all.take(now);
            return Ok(());
        }
        self.refused += 1;
        // As Telegram does: whole seconds, rounded up, never zero.
        Err(SendError::too_many(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)))
    }
}
