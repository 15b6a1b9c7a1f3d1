//! HTTP as one kind of caller: the owner of the test's organisation, a viewer, someone of another one, or anybody.
//!
//! The rule it keeps: a test says who asks and what; headers that every such request needs are added here. Every secret
//! that goes out or comes in is noted, and no refusal repeats one of its request.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{must, secrets};

/// Headers that carry a secret.
const HEADERS: [&str; 3] = ["authorization", "x-setup-token", "order-token"];
/// Fields of requests that do.
const SENT: [&str; 6] = ["password", "current_password", "token", "refresh_token", "client_token", "api_key"];
/// Fields of replies that do.
const RECEIVED: [&str; 6] = ["access_token", "refresh_token", "client_token", "token", "secret", "order_token"];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The test's organisation, everything allowed.
    Owner,
    /// The test's organisation, orders and what is seen with them.
    OrderManager,
    /// The test's organisation, reading only.
    Viewer,
    /// Owner of another organisation, which must see nothing of the test's.
    OtherOrganisation,
    /// Without any token.
    Anonymous,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body as text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamedEvent {
    /// The version that it led to.
    pub id: i64,
    /// What kind of event it is.
    pub name: String,
    /// What it says.
    pub data: Value,
}

/// A stream of events, read as it comes.
#[derive(Debug)]
pub struct EventStream {
    reply: reqwest::Response,
    unread: String,
}

impl EventStream {
    /// The next event; `None` at the end of the stream, also where it breaks off. Comments are passed over.
    ///
    /// # Panics
    /// When nothing comes for a minute, or what comes is no event.
    pub async fn next(&mut self) -> Option<StreamedEvent> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let event = event_of(block);
                self.unread = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(60), self.reply.chunk()).await;
            let piece = must(piece, "hear of something within a minute").ok().flatten()?;
            self.unread.push_str(&String::from_utf8_lossy(&piece));
        }
    }
}

/// The event that a block of lines states; `None` for a block without data.
fn event_of(block: &str) -> Option<StreamedEvent> {
    let value = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = value("data")?;
    let id = must(value("id").unwrap_or_default().parse(), "read the id of an event");
    let data = must(serde_json::from_str(data), "read an event");
    Some(StreamedEvent { id, name: value("event").unwrap_or_default().to_owned(), data })
}

/// The fields that a problem names, sorted.
#[must_use]
pub fn problem_fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let mut fields: Vec<_> =
        errors.iter().map(|fault| must(fault["field"].as_str().ok_or(fault), "read the field of a fault")).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// Without proxies, and a redirect is a reply like any other.
fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// Asks one server as one caller. Cheap to clone; `with` makes another one with a header more.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    headers: HeaderMap,
    keyed: bool,
}

impl Client {
    /// A client of the server at `base` (`http://host:port`), with a token or without.
    #[must_use]
    pub fn new(base: impl Into<String>, token: Option<&str>) -> Client {
        let http = must(plain().build(), "make an HTTP client");
        let client = Client { http, base: base.into(), headers: HeaderMap::new(), keyed: true };
        match token {
            Some(token) => client.with("authorization", &format!("Bearer {token}")),
            None => client,
        }
    }

    /// The same caller with another header on every request; a header that is there already is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Client {
        let name = must(HeaderName::try_from(name), "use a header name");
        self.headers.insert(name, must(HeaderValue::from_str(value), "use a header value"));
        self
    }

    /// The same caller, whose posts carry no `Idempotency-Key` of their own.
    #[must_use]
    pub fn without_key(mut self) -> Client {
        self.keyed = false;
        self
    }

    /// The same caller from another address of this machine (any of 127.0.0.0/8), for tests of limits.
    #[must_use]
    pub fn from_address(mut self, address: IpAddr) -> Client {
        let builder = plain().local_address(address);
        self.http = must(builder.build(), "make an HTTP client");
        self
    }

    /// Where it asks.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET of a stream of events; the reply, where that is no stream.
    ///
    /// # Errors
    /// The reply of a server that has no stream for this request.
    ///
    /// # Panics
    /// When no reply comes.
    pub async fn follow(&self, path: &str) -> Result<EventStream, Reply> {
        let request = self.http.get(format!("{}{path}", self.base)).headers(self.headers.clone());
        let reply = must(request.send().await, "follow");
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let is_stream = headers.get("content-type").is_some_and(|kind| kind.as_bytes() == b"text/event-stream");
        if status == 200 && is_stream {
            return Ok(EventStream { reply, unread: String::new() });
        }
        Err(Reply { status, headers, bytes: must(reply.bytes().await, "read a refusal").to_vec() })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let reply = self.send(Method::GET, path, None).await;
        (reply.status, reply.json())
    }

    /// POST with a fresh `Idempotency-Key`, unless the client has one (`with`) or none (`without_key`).
    pub async fn post(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        let reply = self.post_reply(path, body).await;
        (reply.status, reply.json())
    }

    /// The same with headers and bytes.
    pub async fn post_reply(&self, path: &str, body: &impl Serialize) -> Reply {
        self.send(Method::POST, path, Some(must(serde_json::to_vec(body), "write a body"))).await
    }

    /// PATCH; put the version into `with("if-match", "\"7\"")`.
    pub async fn patch(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        let reply = self.send(Method::PATCH, path, Some(must(serde_json::to_vec(body), "write a body"))).await;
        (reply.status, reply.json())
    }

    /// Any method, any bytes; `content-type` is JSON unless `with` says otherwise.
    ///
    /// # Panics
    /// When no reply comes, and when a refusal repeats a secret of the request.
    pub async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Reply {
        let what = format!("{method} {}{path}", self.base);
        match self.try_send(method, path, body).await {
            Ok(reply) => reply,
            Err(error) => panic!("{what} got no reply: {error:?}"),
        }
    }

    /// The same where no reply may be what the test expects.
    ///
    /// # Errors
    /// When the connection fails.
    ///
    /// # Panics
    /// When a refusal repeats a secret of the request.
    pub async fn try_send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Reply, reqwest::Error> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).headers(self.headers.clone());
        if method == Method::POST && self.keyed && !self.headers.contains_key("idempotency-key") {
            request = request.header("idempotency-key", Uuid::new_v4().to_string());
        }
        let carried = self.carried(body.as_deref());
        for (name, secret) in &carried {
            secrets::note(name, secret);
        }
        if let Some(body) = body {
            if !self.headers.contains_key("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let reply = request.send().await?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let reply = Reply { status, headers, bytes: reply.bytes().await?.to_vec() };
        if status < 300 {
            for (name, secret) in secrets::named(&reply.json(), &RECEIVED) {
                secrets::note(name, &secret);
            }
        } else if let Some(name) = repeated(&reply, &carried) {
            panic!(
                "{method} {}{path} was answered with {status}, and the reply repeats the request's {name}",
                self.base
            );
        }
        Ok(reply)
    }

    /// The names and texts of the secrets that a request with this body carries.
    fn carried(&self, body: Option<&[u8]>) -> Vec<(&'static str, String)> {
        let header = |name: &'static str| {
            let value = self.headers.get(name)?.to_str().ok()?;
            Some((name, access::bearer(value).unwrap_or(value).to_owned()))
        };
        let body = body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or(Value::Null);
        HEADERS.into_iter().filter_map(header).chain(secrets::named(&body, &SENT)).collect()
    }
}

/// The name of a secret that stands in the reply.
fn repeated(reply: &Reply, carried: &[(&'static str, String)]) -> Option<&'static str> {
    let text = reply.text();
    let long = |secret: &str| secret.len() >= secrets::SHORTEST;
    carried.iter().find(|(_, secret)| long(secret) && text.contains(secret.as_str())).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> Reply {
        Reply { status: 422, headers: HeaderMap::new(), bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_refusal_that_repeats_a_secret_of_its_request_is_found_out() {
        let client =
            Client::new("http://nowhere", Some("a.token.of-somebody")).with("order-token", "token-of-an-order");
        let body =
            json!({"owner": {"password": "a long enough passphrase 7", "name": "not a secret at all"}}).to_string();
        let carried = client.carried(Some(body.as_bytes()));
        for (text, name) in [
            (r#"{"detail":"a.token.of-somebody has expired"}"#, Some("authorization")),
            (r#"{"detail":"no order has token-of-an-order"}"#, Some("order-token")),
            (r#"{"errors":[{"message":"a long enough passphrase 7 is weak"}]}"#, Some("password")),
            (r#"{"detail":"not a secret at all, Bearer, somebody"}"#, None),
        ] {
            assert_eq!(repeated(&refusal(text), &carried), name, "{text}");
        }
    }

    #[test]
    fn a_guess_that_is_short_may_stand_in_a_refusal_by_chance() {
        let carried = Client::new("http://nowhere", Some("nonsense")).carried(None);
        assert_eq!(carried, [("authorization", "nonsense".to_owned())]);
        assert_eq!(repeated(&refusal("nonsense"), &carried), None);
    }
}
