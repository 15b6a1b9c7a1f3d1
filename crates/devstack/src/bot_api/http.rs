//! The routes: `/bot<token>/<method>` as Telegram serves them, `/messages` and `/health` for people and tests.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::state::{Refusal, State, locked, since_1970};

/// A bot token has this form in a path; anything else is not even a bot.
const TOKEN_SEPARATOR: char = ':';

/// The longest that `getUpdates` waits, in seconds.
const LONGEST_POLL: u64 = 50;

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/bot{token}/{method}").route(web::get().to(call)).route(web::post().to(call)))
        .route("/messages", web::get().to(messages))
        .route("/health", web::get().to(HttpResponse::Ok))
        .default_service(web::to(async || failed(404, "Not Found", None)));
}

async fn call(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
    state: web::Data<Mutex<State>>,
) -> HttpResponse {
    let (token, method) = path.into_inner();
    if !token.contains(TOKEN_SEPARATOR) {
        return failed(404, "Not Found", None);
    }
    if !locked(&state).knows(&token) {
        return failed(401, "Unauthorized", None);
    }
    let Some(parameters) = parameters(&request, &body) else {
        return failed(400, "Bad Request: can't parse the request", None);
    };
    // Method names are case-insensitive.
    match method.to_ascii_lowercase().as_str() {
        "getme" => done(&me()),
        "getupdates" => updates(&parameters).await,
        "sendmessage" => send(&parameters, &state),
        "deletewebhook" | "setmycommands" => done(&Value::Bool(true)),
        _ => failed(404, "Not Found", None),
    }
}

fn send(parameters: &Map<String, Value>, state: &Mutex<State>) -> HttpResponse {
    let html = word(parameters, "parse_mode").eq_ignore_ascii_case("html");
    let chat = word(parameters, "chat_id");
    match locked(state).send(&chat, &word(parameters, "text"), html) {
        Ok(message) => {
            let id: i64 = chat.parse().unwrap_or_default();
            let chat = if id < 0 {
                json!({"id": id, "type": "supergroup", "title": "Operations"})
            } else {
                json!({"id": id, "type": "private", "first_name": "Operator"})
            };
            done(&json!({
                "message_id": message.message_id,
                "from": me(),
                "chat": chat,
                "date": since_1970().as_secs(),
                "text": message.text,
            }))
        }
        Err(Refusal::Told { code, description, retry_after }) => failed(code, &description, retry_after),
        // A body that breaks off before its announced length: the connection is closed on the reader.
        Err(Refusal::Disconnected) => HttpResponse::Ok().body(BrokenOff),
    }
}

/// A reply whose connection fails before its first byte of content.
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

/// Nobody writes to the bot: the poll waits as long as it was asked to, and brings nothing.
async fn updates(parameters: &Map<String, Value>) -> HttpResponse {
    let seconds = word(parameters, "timeout").parse().unwrap_or(0).min(LONGEST_POLL);
    actix_web::rt::time::sleep(Duration::from_secs(seconds)).await;
    done(&json!([]))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: i64,
}

/// `GET /messages?since=<message_id>`: what was accepted after that message, and how often 429 was said.
async fn messages(asked: web::Query<Since>, state: web::Data<Mutex<State>>) -> HttpResponse {
    let state = locked(&state);
    HttpResponse::Ok().json(json!({"messages": state.messages_since(asked.since), "refused": state.refused()}))
}

fn me() -> Value {
    json!({
        "id": 1_000_001, "is_bot": true, "first_name": "Cyber Store", "username": "cyber_store_stand_in_bot",
        "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
    })
}

fn done(result: &Value) -> HttpResponse {
    HttpResponse::Ok().json(json!({"ok": true, "result": result}))
}

fn failed(code: u16, description: &str, retry_after: Option<u64>) -> HttpResponse {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if let Some(seconds) = retry_after {
        body["parameters"] = json!({"retry_after": seconds});
    }
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).json(body)
}

/// Parameters from the query string, a form or a JSON body: the Bot API takes all three.
fn parameters(request: &HttpRequest, body: &[u8]) -> Option<Map<String, Value>> {
    let mut all = web::Query::<Map<String, Value>>::from_query(request.query_string()).ok()?.into_inner();
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") && !body.is_empty() {
        all.extend(serde_json::from_slice::<Map<String, Value>>(body).ok()?);
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        let form = std::str::from_utf8(body).ok()?;
        all.extend(web::Query::<Map<String, Value>>::from_query(form).ok()?.into_inner());
    }
    Some(all)
}

/// A parameter as text, whether it came as a number or a string; empty when it is absent.
fn word(parameters: &Map<String, Value>, name: &str) -> String {
    match parameters.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
