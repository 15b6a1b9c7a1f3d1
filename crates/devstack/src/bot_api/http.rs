//! The routes: `/bot<token>/sendMessage`, `…/editMessageText`, `…/getUpdates`, `…/answerCallbackQuery` and `…/getMe` as Telegram
//! serves them, `/say`, `/press`, `/messages` and `/health` for people and tests.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Button, Pressed, Said, SendError, State, Text, Update, Way, locked};
use super::{NAME, TOKEN};

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/bot{token}/{method}", web::post().to(call))
        .route("/messages", web::get().to(messages))
        .route("/say", web::post().to(say))
        .route("/press", web::post().to(press))
        .route("/health", web::get().to(HttpResponse::Ok))
        .default_service(web::to(async || failed(404, "Not Found", &Value::Null)));
}

#[derive(Deserialize)]
struct SendMessage {
    /// A number, or a name such as `@operations`.
    #[serde(default)]
    chat_id: Value,
    #[serde(default)]
    text: String,
    #[serde(default)]
    parse_mode: String,
    #[serde(default)]
    message_thread_id: Option<i64>,
    #[serde(default)]
    reply_markup: Option<Keyboard>,
    #[serde(default)]
    reply_parameters: Option<ReplyParameters>,
    /// The message whose text it takes the place of; of `editMessageText` alone.
    #[serde(default)]
    message_id: Option<i64>,
}

#[derive(Deserialize)]
struct Keyboard {
    #[serde(default)]
    inline_keyboard: Vec<Vec<Button>>,
}

#[derive(Deserialize)]
struct AnswerCallbackQuery {
    callback_query_id: String,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct ReplyParameters {
    message_id: i64,
    #[serde(default)]
    allow_sending_without_reply: bool,
}

impl SendMessage {
    fn sent(&self) -> Way {
        let reply = self.reply_parameters.as_ref();
        Way::Send {
            reply_to: reply.map(|reply| reply.message_id),
            also_without: reply.is_some_and(|reply| reply.allow_sending_without_reply),
        }
    }

    fn edited(&self) -> Way {
        Way::Edit { message: self.message_id.unwrap_or_default() }
    }
}

#[derive(Deserialize)]
struct GetUpdates {
    #[serde(default)]
    offset: i64,
    /// Seconds to wait for something.
    #[serde(default)]
    timeout: u64,
    /// The kinds of updates that are wanted; all but rare ones when left out.
    #[serde(default)]
    allowed_updates: Option<Vec<String>>,
}

/// How often a waiting `getUpdates` looks.
const LOOK: Duration = Duration::from_millis(20);

async fn call(path: web::Path<(String, String)>, body: web::Bytes, state: web::Data<Mutex<State>>) -> HttpResponse {
    let (token, method) = path.into_inner();
    if token != TOKEN {
        // What has not even the form of a token is no address that Telegram knows.
        let formed = token.split_once(':').is_some_and(|(bot, _)| bot.bytes().all(|sign| sign.is_ascii_digit()));
        return if formed { failed(401, "Unauthorized", &Value::Null) } else { failed(404, "Not Found", &Value::Null) };
    }
    // The names of methods are case-insensitive.
    let unreadable = || failed(400, "Bad Request: can't parse the request", &Value::Null);
    match method.to_ascii_lowercase().as_str() {
        "sendmessage" | "editmessagetext" => match serde_json::from_slice::<SendMessage>(&body) {
            Ok(wanted) if method.eq_ignore_ascii_case("sendMessage") => take(&wanted, wanted.sent(), &state).await,
            Ok(wanted) => take(&wanted, wanted.edited(), &state).await,
            Err(_) => unreadable(),
        },
        "getupdates" => match serde_json::from_slice(&body) {
            Ok(asked) => updates(&asked, &state).await,
            Err(_) => unreadable(),
        },
        "answercallbackquery" => match serde_json::from_slice::<AnswerCallbackQuery>(&body) {
            Ok(answer) => match locked(&state).toast(&answer.callback_query_id, &answer.text) {
                Ok(()) => HttpResponse::Ok().json(json!({"ok": true, "result": true})),
                Err(description) => failed(400, description, &Value::Null),
            },
            Err(_) => unreadable(),
        },
        "getme" => {
            let bot = json!({"id": 1_000_001, "is_bot": true, "first_name": "Cyber Store", "username": NAME});
            HttpResponse::Ok().json(json!({"ok": true, "result": bot}))
        }
        _ => failed(404, "Not Found", &Value::Null),
    }
}

/// Answers when there is something, or when the time is over. A later call ends one that waits, as Telegram does.
async fn updates(asked: &GetUpdates, state: &Mutex<State>) -> HttpResponse {
    let until = Instant::now() + Duration::from_secs(asked.timeout.min(50));
    let own = locked(state).listen();
    loop {
        let Some(found) = locked(state).updates_from(own, asked.offset, asked.allowed_updates.as_deref()) else {
            return failed(409, "Conflict: terminated by other getUpdates request", &Value::Null);
        };
        if !found.is_empty() || Instant::now() >= until {
            let result: Vec<Value> = found.iter().map(|(number, update)| shown_update(*number, update)).collect();
            return HttpResponse::Ok().json(json!({"ok": true, "result": result}));
        }
        actix_web::rt::time::sleep(LOOK).await;
    }
}

fn shown_update(number: i64, update: &Update) -> Value {
    match update {
        Update::Said(said) => shown_said(number, said),
        Update::Pressed(pressed) => shown_pressed(number, pressed),
    }
}

fn shown_pressed(number: i64, pressed: &Pressed) -> Value {
    let kind = if pressed.chat < 0 { "supergroup" } else { "private" };
    let mut message = json!({
        "message_id": pressed.message_id, "date": 0, "chat": {"id": pressed.chat, "type": kind},
        "from": {"id": 1_000_001, "is_bot": true, "first_name": "Cyber Store", "username": NAME},
    });
    if let Some(topic) = pressed.topic {
        message["is_topic_message"] = json!(true);
        message["message_thread_id"] = json!(topic);
    }
    let from = json!({"id": pressed.account, "is_bot": false, "first_name": "Somebody"});
    let query = json!({
        "id": number.to_string(), "from": from, "message": message, "chat_instance": "1", "data": pressed.data,
    });
    json!({"update_id": number, "callback_query": query})
}

fn shown_said(number: i64, said: &Said) -> Value {
    let kind = if said.chat < 0 { "supergroup" } else { "private" };
    let said_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut message = json!({
        "message_id": number, "date": said_at.as_secs(), "chat": {"id": said.chat, "type": kind}, "text": said.text,
        "from": {"id": said.account, "is_bot": false, "first_name": "Somebody"},
    });
    if let Some(topic) = said.topic {
        message["is_topic_message"] = json!(true);
        message["message_thread_id"] = json!(topic);
    }
    json!({"update_id": number, "message": message})
}

/// `POST /say` with `{"chat": -100…, "text": "/help"}`: somebody says this to the bot.
async fn say(said: web::Json<Said>, state: web::Data<Mutex<State>>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"update_id": locked(&state).say(said.into_inner())}))
}

/// `POST /press` with `{"chat": -100…, "message_id": 5, "data": "…"}`: somebody presses a button.
async fn press(pressed: web::Json<Pressed>, state: web::Data<Mutex<State>>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"update_id": locked(&state).press(pressed.into_inner())}))
}

async fn take(message: &SendMessage, way: Way, state: &Mutex<State>) -> HttpResponse {
    let chat = match &message.chat_id {
        Value::String(name) => name.clone(),
        Value::Null => String::new(),
        number => number.to_string(),
    };
    let html = message.parse_mode.eq_ignore_ascii_case("HTML");
    let buttons: Vec<Button> =
        message.reply_markup.iter().flat_map(|keyboard| keyboard.inline_keyboard.concat()).collect();
    let (topic, text) = (message.message_thread_id, message.text.as_str());
    let taken = locked(state).take(&Text { chat: &chat, topic, text, html, buttons: &buttons, way });
    match taken {
        Ok(accepted) => confirmed(&chat, &message.text, accepted.message_id),
        Err(SendError::Late { message: accepted, after }) => {
            actix_web::rt::time::sleep(after).await;
            confirmed(&chat, &message.text, accepted.message_id)
        }
        Err(SendError::RefusedLate { after }) => {
            actix_web::rt::time::sleep(after).await;
            failed(502, "Bad Gateway", &Value::Null)
        }
        Err(SendError::Refused { code, description, retry_after, moved_to }) => {
            failed(code, &description, &json!({"retry_after": retry_after, "migrate_to_chat_id": moved_to}))
        }
        // The body ends before its announced length, so the connection is closed on the reader.
        Err(SendError::Disconnected) => HttpResponse::Ok().body(BrokenOff),
    }
}

/// What says that a message was accepted.
fn confirmed(chat: &str, text: &str, message: i64) -> HttpResponse {
    let id: i64 = chat.parse().unwrap_or_default();
    let chat = if id < 0 {
        json!({"id": id, "type": "supergroup", "title": "Operations"})
    } else {
        json!({"id": id, "type": "private", "first_name": "Operator"})
    };
    let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let bot = json!({"id": 1_000_001, "is_bot": true, "first_name": "Cyber Store"});
    let sent = json!({"message_id": message, "from": bot, "chat": chat, "date": date, "text": text});
    HttpResponse::Ok().json(json!({"ok": true, "result": sent}))
}

/// A body that fails before its first byte.
struct BrokenOff;

impl MessageBody for BrokenOff {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1_000)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: i64,
}

/// `GET /messages?since=<message_id>`: the messages that were accepted after that one, and the number of 429s so far.
async fn messages(asked: web::Query<Since>, state: web::Data<Mutex<State>>) -> HttpResponse {
    let state = locked(&state);
    HttpResponse::Ok().json(json!({"messages": state.messages_since(asked.since), "refused": state.refused()}))
}

/// A refusal; of the parameters those that are not null are said.
fn failed(code: u16, description: &str, parameters: &Value) -> HttpResponse {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    let said = parameters.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let said: serde_json::Map<String, Value> = said.map(|(name, value)| (name.clone(), value.clone())).collect();
    if !said.is_empty() {
        body["parameters"] = Value::Object(said);
    }
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).json(body)
}
