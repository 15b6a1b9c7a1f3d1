//! The routes: `/bot<token>/sendMessage` as Telegram serves it, `/messages` and `/health` for people and tests.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::TOKEN;
use super::state::{SendError, State, locked};

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/bot{token}/{method}", web::post().to(call))
        .route("/messages", web::get().to(messages))
        .route("/health", web::get().to(HttpResponse::Ok))
        .default_service(web::to(async || failed(404, "Not Found", None)));
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
}

async fn call(path: web::Path<(String, String)>, body: web::Bytes, state: web::Data<Mutex<State>>) -> HttpResponse {
    let (token, method) = path.into_inner();
    if token != TOKEN {
        // What has not even the form of a token is no address that Telegram knows.
        let formed = token.split_once(':').is_some_and(|(bot, _)| bot.bytes().all(|sign| sign.is_ascii_digit()));
        return if formed { failed(401, "Unauthorized", None) } else { failed(404, "Not Found", None) };
    }
    // The names of methods are case-insensitive.
    if !method.eq_ignore_ascii_case("sendMessage") {
        return failed(404, "Not Found", None);
    }
    match serde_json::from_slice(&body) {
        Ok(message) => send(&message, &state),
        Err(_) => failed(400, "Bad Request: can't parse the request", None),
    }
}

fn send(message: &SendMessage, state: &Mutex<State>) -> HttpResponse {
    let chat = match &message.chat_id {
        Value::String(name) => name.clone(),
        Value::Null => String::new(),
        number => number.to_string(),
    };
    match locked(state).send(&chat, &message.text, message.parse_mode.eq_ignore_ascii_case("HTML")) {
        Ok(message) => {
            let id: i64 = chat.parse().unwrap_or_default();
            let chat = if id < 0 {
                json!({"id": id, "type": "supergroup", "title": "Operations"})
            } else {
                json!({"id": id, "type": "private", "first_name": "Operator"})
            };
            let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let bot = json!({"id": 1_000_001, "is_bot": true, "first_name": "Cyber Store"});
            let sent = json!({
                "message_id": message.message_id, "from": bot, "chat": chat, "date": date,
                "text": message.text,
            });
            HttpResponse::Ok().json(json!({"ok": true, "result": sent}))
        }
        Err(SendError::Refused { code, description, retry_after }) => failed(code, &description, retry_after),
        // The body ends before its announced length, so the connection is closed on the reader.
        Err(SendError::Disconnected) => HttpResponse::Ok().body(BrokenOff),
    }
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

fn failed(code: u16, description: &str, retry_after: Option<u64>) -> HttpResponse {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if let Some(seconds) = retry_after {
        body["parameters"] = json!({"retry_after": seconds});
    }
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).json(body)
}
