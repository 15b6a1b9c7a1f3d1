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

const MINUTE: Duration = Duration::from_secs(60);

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
    /// The buttons below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
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

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub text: String,
    /// What the bot gets when it is pressed.
    #[serde(rename = "callback_data")]
    pub data: String,
}

/// A text that is to be sent, or to take the place of another.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) chat: &'a str,
    pub(super) topic: Option<i64>,
    pub(super) text: &'a str,
    /// It is HTML.
    pub(super) html: bool,
    /// Below it.
    pub(super) buttons: &'a [Button],
    pub(super) way: Way,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A message of its own; a reply to this one.
    Send { reply_to: Option<i64>, also_without: bool },
    /// It takes the place of the text of this message, and its buttons that of the buttons.
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
    /// The account that says it.
    #[serde(default = "somebody")]
    pub account: i64,
}

/// The account that says and presses what nobody in particular does.
#[must_use]
pub const fn somebody() -> i64 {
    7
}

/// A button that somebody presses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pressed {
    /// The chat where it stands.
    pub chat: i64,
    /// The topic, where the chat is a forum.
    #[serde(default)]
    pub topic: Option<i64>,
    /// The message below which it stands.
    pub message_id: i64,
    /// What the bot gets. Clients of one's own send whatever they like.
    pub data: String,
    /// The account that presses it.
    #[serde(default = "somebody")]
    pub account: i64,
}

/// What the bot is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Update {
    Said(Said),
    Pressed(Pressed),
}

impl Update {
    /// The kind as `allowed_updates` names it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Said(_) => "message",
            Self::Pressed(_) => "callback_query",
        }
    }
}

/// What the bot told somebody who pressed a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Toast {
    /// Telegram's id of the press: the number of its update.
    pub callback: String,
    /// What was told.
    pub text: String,
}

/// The longest text that Telegram shows to somebody who presses a button, in characters.
const LONGEST_TOAST: usize = 200;
/// The most bytes that a button carries.
const LONGEST_DATA: usize = 64;

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
    /// The message is accepted, and the reply comes after this many milliseconds.
    LateReply(u64),
    /// Nothing is accepted, and 502 comes after this many milliseconds.
    LateRefusal(u64),
}

/// Why a `sendMessage` is not answered with the message.
#[derive(Debug)]
pub(super) enum SendError {
    Refused {
        code: u16,
        description: String,
        retry_after: Option<u64>,
        moved_to: Option<i64>,
    },
    Disconnected,
    /// It was accepted, and that is said so much later.
    Late {
        message: Box<Message>,
        after: Duration,
    },
    /// It is refused with 502 so much later.
    RefusedLate {
        after: Duration,
    },
}

impl SendError {
    fn refused(code: u16, description: &str) -> Self {
        Self::Refused { code, description: description.to_owned(), retry_after: None, moved_to: None }
    }

    fn moved(to: i64) -> Self {
        let description = "Bad Request: group chat was upgraded to a supergroup chat".to_owned();
        Self::Refused { code: 400, description, retry_after: None, moved_to: Some(to) }
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
    group_per_minute: Option<usize>,
    /// When the groups were last sent something, for what one takes in a minute.
    groups: BTreeMap<String, VecDeque<Instant>>,
    refused: u64,
    over_limit: u64,
    unconfirmed: u64,
    moved: BTreeMap<String, i64>,
    ordered: VecDeque<Failure>,
    closed: BTreeSet<String>,
    updates: VecDeque<(i64, Update)>,
    /// Presses that the bot has not answered.
    unanswered: BTreeSet<String>,
    toasts: Vec<Toast>,
    next_update: i64,
    /// Whether every update is given twice in one reply.
    doubled: bool,
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
            group_per_minute: settings.group_per_minute,
            groups: BTreeMap::new(),
            refused: 0,
            over_limit: 0,
            unconfirmed: 0,
            moved: BTreeMap::new(),
            ordered: VecDeque::new(),
            closed: BTreeSet::new(),
            updates: VecDeque::new(),
            unanswered: BTreeSet::new(),
            toasts: Vec::new(),
            next_update: 1,
            doubled: false,
            listening: 0,
        }
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn over_limit(&self) -> u64 {
        self.over_limit
    }

    pub(super) fn unconfirmed(&self) -> u64 {
        self.unconfirmed
    }

    pub(super) fn doubles_updates(&mut self) {
        self.doubled = true;
    }

    /// The group becomes a supergroup with this id.
    pub(super) fn migrate(&mut self, chat: &str, to: i64) {
        if let Some(bucket) = self.chats.get(chat).cloned() {
            self.chats.insert(to.to_string(), bucket);
        }
        self.moved.insert(chat.to_owned(), to);
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
        self.tell(Update::Said(said))
    }

    /// Notes that somebody pressed a button: the number of its update.
    pub(super) fn press(&mut self, pressed: Pressed) -> i64 {
        let number = self.tell(Update::Pressed(pressed));
        self.unanswered.insert(number.to_string());
        number
    }

    fn tell(&mut self, update: Update) -> i64 {
        let number = self.next_update;
        self.next_update += 1;
        self.updates.push_back((number, update));
        number
    }

    /// Tells the bot once more what it was told under this number, as Telegram does when an answer was lost.
    pub(super) fn repeat(&mut self, number: i64, update: Update) {
        self.updates.push_front((number, update));
    }

    /// Answers a press, once.
    pub(super) fn toast(&mut self, callback: &str, text: &str) -> Result<(), &'static str> {
        if text.chars().count() > LONGEST_TOAST {
            return Err("Bad Request: MESSAGE_TOO_LONG");
        }
        if !self.unanswered.remove(callback) {
            return Err("Bad Request: query is too old and response timeout expired or query ID is invalid");
        }
        self.toasts.push(Toast { callback: callback.to_owned(), text: text.to_owned() });
        Ok(())
    }

    pub(super) fn toasts(&self) -> Vec<Toast> {
        self.toasts.clone()
    }

    /// The number of a new call of `getUpdates`.
    pub(super) fn listen(&mut self) -> u64 {
        self.listening += 1;
        self.listening
    }

    /// The updates of these kinds from this number on; those before it are forgotten. A number far above the last update is one of before
    /// the numbers began anew: it forgets nothing, and everything is given. None for a call that a later one has ended.
    pub(super) fn updates_from(
        &mut self,
        call: u64,
        offset: i64,
        kinds: Option<&[String]>,
    ) -> Option<Vec<(i64, Update)>> {
        if call != self.listening {
            return None;
        }
        if offset <= self.next_update + FAR_ABOVE {
            self.updates.retain(|(number, _)| *number >= offset);
        }
        // What a bot has not asked for it is never told.
        let asked = |update: &Update| kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind == update.kind()));
        self.updates.retain(|(_, update)| asked(update));
        let times = if self.doubled { 2 } else { 1 };
        Some(self.updates.iter().take(100 / times).flat_map(|update| vec![update.clone(); times]).collect())
    }

    /// Somebody deletes a message.
    pub(super) fn delete(&mut self, message: i64) {
        self.messages.retain(|kept| kept.message_id != message);
    }

    /// Takes a text: the message as it is then.
    pub(super) fn take(&mut self, wanted: &Text<'_>) -> Result<Message, SendError> {
        let Text { chat, topic, text, html, buttons, way } = *wanted;
        let ordered = self.ordered.pop_front();
        match ordered {
            Some(Failure::RetryAfter(seconds)) => {
                self.refused += 1;
                return Err(SendError::too_many(seconds));
            }
            Some(Failure::Unavailable) => return Err(SendError::refused(502, "Bad Gateway")),
            Some(Failure::Refused) => return Err(SendError::refused(400, "Bad Request: message cannot be sent")),
            Some(Failure::TopicClosed) => return Err(SendError::refused(400, "Bad Request: TOPIC_CLOSED")),
            Some(Failure::Moved(to)) => return Err(SendError::moved(to)),
            Some(Failure::Forbidden) => {
                return Err(SendError::refused(403, "Forbidden: bot was kicked from the supergroup chat"));
            }
            Some(Failure::LateRefusal(after)) => {
                return Err(SendError::RefusedLate { after: Duration::from_millis(after) });
            }
            Some(Failure::LostReply | Failure::LateReply(_)) | None => {}
        }
        if chat.is_empty() {
            return Err(SendError::refused(400, "Bad Request: chat_id is empty"));
        }
        if !self.chats.contains_key(chat) {
            return Err(SendError::refused(400, "Bad Request: chat not found"));
        }
        if let Some(to) = self.moved.get(chat) {
            return Err(SendError::moved(*to));
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
        if buttons.iter().any(|button| !(1..=LONGEST_DATA).contains(&button.data.len())) {
            return Err(SendError::refused(400, "Bad Request: BUTTON_DATA_INVALID"));
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
        let same = |kept: &Message| kept.text == text && kept.links == links && kept.buttons == buttons;
        if edited.and_then(|at| self.messages.get(at)).is_some_and(same) {
            let words = "Bad Request: message is not modified: specified new message content and reply markup are exactly \
                the same as a current content and reply markup of the message";
            return Err(SendError::refused(400, words));
        }
        self.within_limits(chat)?;
        let buttons = buttons.to_vec();
        let message = if let Some(kept) = edited.and_then(|at| self.messages.get_mut(at)) {
            *kept = Message { text, live, links, buttons, edits: kept.edits + 1, ..kept.clone() };
            kept.clone()
        } else {
            let chat_id = chat.to_owned();
            let message =
                Message { message_id: self.next, chat_id, topic, text, live, buttons, links, reply_to, edits: 0 };
            self.next += 1;
            self.messages.push_back(message.clone());
            message
        };
        if self.messages.len() > REMEMBERED {
            self.messages.pop_front();
        }
        match ordered {
            Some(Failure::LostReply) => {
                self.unconfirmed += 1;
                Err(SendError::Disconnected)
            }
            Some(Failure::LateReply(after)) => {
                Err(SendError::Late { message: Box::new(message), after: Duration::from_millis(after) })
            }
            _ => Ok(message),
        }
    }

    fn within_limits(&mut self, chat: &str) -> Result<(), SendError> {
        let now = Instant::now();
        let Some(bucket) = self.chats.get_mut(chat) else { return Ok(()) };
        let mut wait = bucket.wait(now).max(self.all.wait(now));
        let is_group = chat.starts_with('-');
        let of_group = self.groups.entry(chat.to_owned()).or_default();
        of_group.retain(|at| now.duration_since(*at) < MINUTE);
        if is_group && self.group_per_minute.is_some_and(|most| of_group.len() >= most) {
            wait = wait.max(of_group.front().map_or(MINUTE, |first| MINUTE.saturating_sub(now.duration_since(*first))));
        }
        if wait.is_zero() {
            bucket.take(now);
            self.all.take(now);
            if is_group {
                of_group.push_back(now);
            }
            return Ok(());
        }
        self.refused += 1;
        self.over_limit += 1;
        // As Telegram does: whole seconds, rounded up, never zero.
        Err(SendError::too_many(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)))
    }
}
