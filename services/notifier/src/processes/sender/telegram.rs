//! The call to Telegram: one message, one outcome.
//! The rule: this is the only place that knows frankenstein.

use std::sync::Arc;
use std::time::Duration;

use frankenstein::ParseMode;
use frankenstein::client_reqwest::Bot;
use frankenstein::methods::{AnswerCallbackQueryParams, EditMessageTextParams, GetUpdatesParams, SendMessageParams};
use frankenstein::response::{ErrorResponse, MethodResponse};
use frankenstein::types::{
    AllowedUpdate, ChatId, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageId, ReplyMarkup,
    ReplyParameters,
};
use frankenstein::{AsyncTelegramApi, Error};
use kernel::Timestamp;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{CALL, LISTEN, NoClient, short};
use crate::config::Settings;
use crate::domain::{Address, BotId, Button, Heard, Outcome, Press, Received, Way};

/// The wait after a 429 that names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The client of one bot, cheap to clone. It never prints the token of the bot, which is a part of the address.
#[derive(Clone)]
pub struct Telegram {
    id: BotId,
    name: Arc<OnceCell<String>>,
    bot: Bot,
    /// Waits longer for an answer than the other, since the Bot API answers when there is something.
    listening: Bot,
}

/// Why the bot could not be listened to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::processes) enum Unheard {
    /// Telegram does not know its token.
    Unauthorised(String),
    /// It is tried again.
    Unavailable(String),
}

/// Something that the bot was sent.
#[derive(Debug)]
pub(in crate::processes) struct Update {
    /// Telegram's number of it.
    pub(in crate::processes) number: i64,
    /// What it is; none where it is nothing that the bot looks at.
    pub(in crate::processes) heard: Option<Heard>,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Telegram").finish_non_exhaustive()
    }
}

impl Telegram {
    /// A client for the configured Bot API and bot. A call takes no longer than 8 seconds.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, NoClient> {
        Self::with_limit(&settings.bot_api, settings.token.expose(), CALL)
    }

    /// A client for the Bot API at `address` (`https://api.telegram.org`, with or without `/bot` behind it). A call takes
    /// no longer than `limit`.
    fn with_limit(address: &str, token: &str, limit: Duration) -> Result<Self, NoClient> {
        let bot = |limit: Duration| {
            let client = reqwest::Client::builder()
                .connect_timeout(limit.min(Duration::from_secs(3)))
                .timeout(limit)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| NoClient(error.to_string()))?;
            Ok(Bot::builder().api_url(bot_address(address, token)).client(client).build())
        };
        Ok(Self { id: BotId::of_token(token), name: Arc::default(), bot: bot(limit)?, listening: bot(LISTEN + limit)? })
    }

    /// Which bot it is.
    pub(in crate::processes) fn id(&self) -> &BotId {
        &self.id
    }

    /// The name of the bot, as commands name it: asked for until it is known, and then kept.
    pub(in crate::processes) async fn name(&self) -> Result<&str, Unheard> {
        let name = self.name.get_or_try_init(|| async {
            // Read by hand, so that new fields in it break nothing.
            let reply: Result<MethodResponse<Value>, Error> = self.bot.request("getMe", None::<()>).await;
            let name = reply.map_err(unheard)?.result["username"].as_str().map(str::to_owned);
            name.ok_or_else(|| Unheard::Unavailable("the Bot API did not say the name of the bot".to_owned()))
        });
        Ok(name.await?)
    }

    /// What the bot was sent, from the update with this number on; waits up to [`LISTEN`] for something.
    pub(in crate::processes) async fn updates(&self, next: i64) -> Result<Vec<Update>, Unheard> {
        let params = GetUpdatesParams::builder()
            .offset(next)
            .timeout(u32::try_from(LISTEN.as_secs()).unwrap_or(0))
            .allowed_updates(vec![AllowedUpdate::Message, AllowedUpdate::ChannelPost, AllowedUpdate::CallbackQuery])
            .build();
        // Read by hand, so that an update of a form that nobody foresaw stops nothing.
        let reply: Result<MethodResponse<Vec<Value>>, Error> = self.listening.request("getUpdates", Some(params)).await;
        Ok(reply.map_err(unheard)?.result.iter().filter_map(update).collect())
    }

    /// Tells whoever pressed a button what becomes of it. Telegram shows it for a moment, and nobody waits for it for long, so it is
    /// said once.
    pub(in crate::processes) async fn toast(&self, callback: &str, text: &str) {
        let params = AnswerCallbackQueryParams::builder().callback_query_id(callback).text(text).build();
        let reply: Result<MethodResponse<Value>, Error> = self.bot.request("answerCallbackQuery", Some(params)).await;
        if let Err(error) = reply {
            tracing::debug!(cause = unread(error), "whoever pressed a button was not told what becomes of it");
        }
    }

    /// Sends one message in Telegram's HTML.
    pub(in crate::processes) async fn send(&self, to: &Address, html: &str) -> Outcome {
        self.tell(to, html, &Way::New, &[]).await
    }

    /// Sends one message in Telegram's HTML, or puts it in the place of another one, with these buttons in a row below it.
    pub(in crate::processes) async fn tell(&self, to: &Address, html: &str, way: &Way, buttons: &[Button]) -> Outcome {
        let chat = &to.chat;
        let chat_id = chat.number().map_or_else(|| ChatId::String(chat.as_str().to_owned()), ChatId::Integer);
        let no_preview = LinkPreviewOptions::builder().is_disabled(true).build();
        // Only the id of Telegram's answer is read, so that new fields in it cannot break the notifier.
        let reply: Result<MethodResponse<MessageId>, Error> = match way {
            Way::New | Way::Reply { .. } => {
                let params = SendMessageParams::builder()
                    .chat_id(chat_id)
                    .text(html)
                    .parse_mode(ParseMode::Html)
                    .maybe_message_thread_id(to.topic.and_then(|topic| i32::try_from(topic).ok()))
                    .maybe_reply_parameters(reply_to(way))
                    .link_preview_options(no_preview)
                    .maybe_reply_markup(keyboard(buttons).map(ReplyMarkup::InlineKeyboardMarkup))
                    .build();
                self.bot.request(way.method(), Some(params)).await
            }
            Way::Edit { message, .. } => {
                let params = EditMessageTextParams::builder()
                    .chat_id(chat_id)
                    .message_id(i32::try_from(*message).unwrap_or_default())
                    .text(html)
                    .parse_mode(ParseMode::Html)
                    .link_preview_options(no_preview)
                    .maybe_reply_markup(keyboard(buttons))
                    .build();
                self.bot.request(way.method(), Some(params)).await
            }
        };
        match (reply, way) {
            (Ok(reply), _) => Outcome::Sent { message: Some(i64::from(reply.result.message_id)) },
            (Err(Error::Api(error)), Way::Edit { message, .. }) => unedited(&error, *message),
            (Err(Error::Api(error)), _) => refusal(&error),
            (Err(Error::HttpReqwest(error)), _) if error.is_connect() => {
                Outcome::Unavailable { cause: unread(Error::HttpReqwest(error)) }
            }
            (Err(error), _) => Outcome::Unknown { cause: unread(error) },
        }
    }
}

/// The buttons as Telegram takes them; none where there are none.
fn keyboard(buttons: &[Button]) -> Option<InlineKeyboardMarkup> {
    let button =
        |button: &Button| InlineKeyboardButton::builder().text(button.label).callback_data(button.data.clone()).build();
    let row: Vec<InlineKeyboardButton> = buttons.iter().map(button).collect();
    (!row.is_empty()).then(|| InlineKeyboardMarkup::builder().inline_keyboard(vec![row]).build())
}

/// The message that this one replies to; when that one is gone, it is sent all the same.
fn reply_to(way: &Way) -> Option<ReplyParameters> {
    let Way::Reply { to } = way else { return None };
    let to = i32::try_from(*to).ok()?;
    Some(ReplyParameters::builder().message_id(to).allow_sending_without_reply(true).build())
}

/// The words, in lower case, of a 400 that says that the message is as it was to be.
const UNCHANGED: &str = "message is not modified";
/// What an error reply to an edit means.
fn unedited(error: &ErrorResponse, message: i64) -> Outcome {
    let description = error.description.to_lowercase();
    if error.error_code == 400 && description.contains(UNCHANGED) {
        // An edit before went through, and its reply was lost.
        return Outcome::Sent { message: Some(message) };
    }
    match refusal(error) {
        // It is gone, or too old, or not to be edited for another cause: a new message tells it, or is refused itself.
        Outcome::Refused { cause } => Outcome::Gone { cause },
        other => other,
    }
}

/// Why a call that listens brought nothing.
fn unheard(error: Error) -> Unheard {
    match error {
        Error::Api(error) => match refusal(&error) {
            Outcome::Unauthorised { cause } => Unheard::Unauthorised(cause),
            _ => Unheard::Unavailable(short(&format!("{} {}", error.error_code, error.description))),
        },
        error => Unheard::Unavailable(unread(error)),
    }
}

/// Why a call brought no answer that can be read.
fn unread(error: Error) -> String {
    match error {
        Error::JsonDecode { input, .. } => short(&format!("the Bot API did not answer with JSON but with: {input}")),
        error => short(&error.to_string()),
    }
}

fn update(value: &Value) -> Option<Update> {
    let number = value["update_id"].as_i64()?;
    let message = ["message", "channel_post"].iter().map(|kind| &value[*kind]).find(|message| message.is_object());
    let said = message.and_then(|message| received(number, message)).map(Heard::Said);
    Some(Update { number, heard: said.or_else(|| press(&value["callback_query"]).map(Heard::Pressed)) })
}

fn received(update: i64, message: &Value) -> Option<Received> {
    Some(Received {
        update,
        chat: message["chat"]["id"].as_i64()?,
        topic: topic(message),
        // Who speaks for a channel or a group is nobody in particular.
        account: account(&message["from"]).filter(|_| message["sender_chat"].is_null()),
        sent_at: Timestamp::from_timestamp(message["date"].as_i64()?, 0)?,
        text: message["text"].as_str().unwrap_or_default().to_owned(),
    })
}

fn press(query: &Value) -> Option<Press> {
    Some(Press {
        callback: query["id"].as_str()?.to_owned(),
        account: account(&query["from"])?,
        chat: query["message"]["chat"]["id"].as_i64()?,
        topic: topic(&query["message"]),
        data: query["data"].as_str()?.to_owned(),
    })
}

fn topic(message: &Value) -> Option<i64> {
    message["is_topic_message"]
        .as_bool()
        .filter(|is_topic| *is_topic)
        .and_then(|_| message["message_thread_id"].as_i64())
}

fn account(from: &Value) -> Option<i64> {
    from["id"].as_i64().filter(|_| from["is_bot"] == false)
}

/// The words, in lower case, of a 400 that is about the chat and not about the message.
const NO_WAY_TO_THE_CHAT: [&str; 7] = [
    "chat not found",
    "not enough rights",
    "need administrator rights",
    "have no rights to send",
    "chat_write_forbidden",
    "chat_restricted",
    "peer_id_invalid",
];
/// The words, in lower case, of a 400 that is about the topic alone.
const NO_WAY_TO_THE_TOPIC: [&str; 3] = ["message thread not found", "topic_closed", "topic_deleted"];

/// What an error reply means for the deliveries of the message.
fn refusal(error: &ErrorResponse) -> Outcome {
    let retry_after = error.parameters.and_then(|parameters| parameters.retry_after);
    let moved = error.parameters.and_then(|parameters| parameters.migrate_to_chat_id);
    let cause = short(&format!("{} {}", error.error_code, error.description));
    let description = error.description.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| description.contains(words));
    match (error.error_code, moved) {
        (_, Some(to)) => Outcome::Moved { to },
        (429, None) => Outcome::Limited {
            retry_after: retry_after.map_or(DEFAULT_RETRY_AFTER, |seconds| Duration::from_secs(u64::from(seconds))),
        },
        (401 | 404, None) => Outcome::Unauthorised { cause },
        (403, None) => Outcome::Unreachable { cause },
        (400, None) if says(&NO_WAY_TO_THE_CHAT) => Outcome::Unreachable { cause },
        (400, None) if says(&NO_WAY_TO_THE_TOPIC) => Outcome::NoTopic { cause },
        // 408 and 409 pass by themselves. Every other 4xx is about the message.
        (400..=407 | 410..=499, None) => Outcome::Refused { cause },
        (408 | 409, None) => Outcome::Unavailable { cause },
        // It is not Telegram itself that answers so, and it may have the message.
        _ => Outcome::Unknown { cause },
    }
}

/// frankenstein appends the method to `<address>/bot<token>`.
fn bot_address(address: &str, token: &str) -> String {
    let address = address.trim_end_matches('/');
    let root = address.strip_suffix("/bot").unwrap_or(address);
    format!("{root}/bot{token}")
}

#[cfg(test)]
mod tests {
    use frankenstein::response::ResponseParameters;
    use serde_json::json;

    use super::*;
    use crate::domain::Chat;

    fn reply(error_code: u64, parameters: Option<ResponseParameters>) -> Outcome {
        refusal(&ErrorResponse { ok: false, description: "because".to_owned(), error_code, parameters })
    }

    #[test]
    fn an_error_reply_says_what_becomes_of_the_message() {
        let wait = ResponseParameters { migrate_to_chat_id: None, retry_after: Some(17) };
        assert_eq!(reply(429, Some(wait)), Outcome::Limited { retry_after: Duration::from_secs(17) });
        assert_eq!(reply(429, None), Outcome::Limited { retry_after: DEFAULT_RETRY_AFTER });
        let moved = ResponseParameters { migrate_to_chat_id: Some(-100_123), retry_after: None };
        assert_eq!(reply(400, Some(moved)), Outcome::Moved { to: -100_123 });
        for code in [400, 402, 413] {
            assert_eq!(reply(code, None), Outcome::Refused { cause: format!("{code} because") });
        }
        for code in [401, 404] {
            assert_eq!(reply(code, None), Outcome::Unauthorised { cause: format!("{code} because") });
        }
        assert_eq!(reply(403, None), Outcome::Unreachable { cause: "403 because".to_owned() });
        let described = |words: &str| {
            let description = format!("Bad Request: {words}");
            let outcome = refusal(&ErrorResponse { ok: false, description, error_code: 400, parameters: None });
            (outcome, format!("400 Bad Request: {words}"))
        };
        for words in [
            "chat not found",
            "not enough rights to send text messages to the chat",
            "need administrator rights in the channel chat",
            "have no rights to send a message",
            "CHAT_WRITE_FORBIDDEN",
            "CHAT_RESTRICTED",
            "PEER_ID_INVALID",
        ] {
            let (outcome, cause) = described(words);
            assert_eq!(outcome, Outcome::Unreachable { cause });
        }
        for words in ["message thread not found", "TOPIC_CLOSED", "TOPIC_DELETED"] {
            let (outcome, cause) = described(words);
            assert_eq!(outcome, Outcome::NoTopic { cause });
        }
        for code in [408, 409] {
            assert!(matches!(reply(code, None), Outcome::Unavailable { .. }), "{code}");
        }
        for code in [500, 502, 503] {
            assert!(matches!(reply(code, None), Outcome::Unknown { .. }), "{code}");
        }
    }

    #[test]
    fn an_edit_that_changes_nothing_was_done_before_and_one_of_a_message_that_is_gone_becomes_another_message() {
        let edit = |words: &str| {
            let description = format!("Bad Request: {words}");
            unedited(&ErrorResponse { ok: false, description, error_code: 400, parameters: None }, 7)
        };
        let unchanged = "message is not modified: specified new message content and reply markup are exactly the same";
        assert_eq!(edit(unchanged), Outcome::Sent { message: Some(7) });
        for words in ["message to edit not found", "message can't be edited", "MESSAGE_EDIT_TIME_EXPIRED"] {
            assert_eq!(edit(words), Outcome::Gone { cause: format!("400 Bad Request: {words}") });
        }
        assert!(matches!(edit("chat not found"), Outcome::Unreachable { .. }));
    }

    #[test]
    fn a_message_is_read_with_its_chat_and_topic_and_whatever_else_comes_has_a_number() {
        let chat = json!({"id": -100, "type": "supergroup"});
        let topical = json!({"update_id": 7, "message": {
            "chat": chat, "date": 60, "text": "/help", "is_topic_message": true, "message_thread_id": 3,
            "from": {"id": 42, "is_bot": false}}});
        let sent_at = Timestamp::from_timestamp(60, 0).unwrap();
        let received = |update, topic, account, text: &str| {
            Some(Heard::Said(Received { update, chat: -100, topic, account, sent_at, text: text.to_owned() }))
        };
        assert_eq!(update(&topical).unwrap().heard, received(7, Some(3), Some(42), "/help"));
        let reply = json!({"update_id": 8, "channel_post": {"chat": chat, "date": 60, "message_thread_id": 3}});
        assert_eq!(update(&reply).unwrap().heard, received(8, None, None, ""));
        // An administrator who speaks as the group, and a bot, are nobody in particular.
        for from in [json!({"id": 1_087_968_824, "is_bot": true}), json!({"id": 42})] {
            let anonymous = json!({"update_id": 8, "message": {"chat": chat, "date": 60, "from": from}});
            assert_eq!(update(&anonymous).unwrap().heard, received(8, None, None, ""));
        }
        let as_channel =
            json!({"chat": chat, "date": 60, "from": {"id": 42, "is_bot": false}, "sender_chat": {"id": -5}});
        assert_eq!(update(&json!({"update_id": 8, "message": as_channel})).unwrap().heard, received(8, None, None, ""));
        let other = update(&json!({"update_id": 9, "poll": {}})).unwrap();
        assert_eq!((other.number, other.heard), (9, None));
        assert!(update(&json!({"message": {}})).is_none());
    }

    #[test]
    fn a_pressed_button_is_read_with_who_pressed_it_and_where() {
        let query = json!({"id": "77", "from": {"id": 42, "is_bot": false}, "data": "cAA", "message": {
            "message_id": 5, "chat": {"id": -100}, "is_topic_message": true, "message_thread_id": 3}});
        let pressed =
            Press { callback: "77".to_owned(), account: 42, chat: -100, topic: Some(3), data: "cAA".to_owned() };
        assert_eq!(
            update(&json!({"update_id": 7, "callback_query": query})).unwrap().heard,
            Some(Heard::Pressed(pressed))
        );
        // One of a message that was sent by way of another bot has no chat.
        let inline = json!({"id": "78", "from": {"id": 42, "is_bot": false}, "data": "cAA", "inline_message_id": "x"});
        assert_eq!(update(&json!({"update_id": 8, "callback_query": inline})).unwrap().heard, None);
    }

    #[test]
    fn the_address_may_be_the_root_of_the_bot_api_or_its_bot_prefix() {
        for address in ["https://api.telegram.org", "https://api.telegram.org/", "https://api.telegram.org/bot"] {
            assert_eq!(bot_address(address, "1:a"), "https://api.telegram.org/bot1:a");
        }
    }

    #[test]
    fn a_client_does_not_print_its_token() {
        let telegram = Telegram::with_limit("http://127.0.0.1:1", "1:secret", Duration::from_secs(1)).unwrap();
        assert!(!format!("{telegram:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_bot_api_that_is_not_there_is_unavailable_and_the_cause_does_not_name_the_token() {
        let telegram = Telegram::with_limit("http://127.0.0.1:1", "1:secret", Duration::from_secs(1)).unwrap();
        let outcome = telegram.send(&Address { chat: Chat::numbered(42), topic: None }, "hello").await;
        let Outcome::Unavailable { cause } = outcome else { panic!("{outcome:?}") };
        assert!(!cause.contains("secret"), "{cause}");
    }
}
