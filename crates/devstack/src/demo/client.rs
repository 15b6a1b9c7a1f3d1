//! The demo's HTTP client. It sends to the gateway what any other client would.
//! The rule it keeps: it does what `docs/errors.md` asks of clients, and tries again with the same key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use devstack::{Error, random_secret};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// How often a request is sent at most.
const TRIES: usize = 12;

/// The longest wait that a reply may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A client of one organisation.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    gateway: String,
    organisation: String,
    token: String,
    retries: Arc<AtomicUsize>,
}

impl Client {
    pub(super) fn new(gateway: &str, organisation: &str) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(256)
            .build()
            .map_err(Error::http("make an HTTP client"))?;
        let (gateway, organisation) = (gateway.to_owned(), organisation.to_owned());
        Ok(Self { http, gateway, organisation, token: String::new(), retries: Arc::default() })
    }

    /// How many requests were sent again so far, by all clones of this client.
    pub(super) fn retries(&self) -> usize {
        self.retries.load(Ordering::Relaxed)
    }

    /// Sets the access token for the requests of staff.
    pub(super) fn set_token(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    /// A read by staff.
    pub(super) async fn get(&self, action: &str, path: &str) -> Result<Value, Error> {
        self.body(action, self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    /// A write by staff, with an idempotency key of its own.
    pub(super) async fn post(&self, action: &str, path: &str, content: &Value) -> Result<Value, Error> {
        let mut request = self.http.post(self.url(path)).header("Idempotency-Key", random_secret()).json(content);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        self.body(action, request).await
    }

    /// Uploads a file to import; the caller reads the reply as it arrives.
    pub(super) async fn import(&self, media_type: &str, content: reqwest::Body) -> Result<Response, Error> {
        let request = self.http.post(self.url("/admin/v1/imports")).bearer_auth(&self.token);
        self.accepted("import the file", request.header("Content-Type", media_type).body(content)).await
    }

    /// A read by a shopper.
    pub(super) async fn shop(&self, action: &str, path: &str) -> Result<Value, Error> {
        self.body(action, self.http.get(self.shop_url(path))).await
    }

    /// Places an order as a shopper. The reply has the outcome if that is known within `wait` seconds.
    pub(super) async fn order(&self, content: &Value, wait: u32) -> Result<Response, Error> {
        let request = self.http.post(self.shop_url("orders")).header("Idempotency-Key", random_secret()).json(content);
        self.send("place an order", request.header("Prefer", format!("wait={wait}"))).await
    }

    /// Reads an order as the shopper who placed it.
    pub(super) async fn own_order(&self, order: &str, token: &str) -> Result<Value, Error> {
        let request = self.http.get(self.shop_url(&format!("orders/{order}"))).header("Order-Token", token);
        self.body("read an order", request).await
    }

    async fn body(&self, action: &str, request: RequestBuilder) -> Result<Value, Error> {
        self.accepted(action, request).await?.json().await.map_err(Error::http(action))
    }

    async fn accepted(&self, action: &str, request: RequestBuilder) -> Result<Response, Error> {
        let reply = self.send(action, request).await?;
        if reply.status().is_success() { Ok(reply) } else { Err(Error::status(action, reply).await) }
    }

    /// Sends the same request, with its key, until it is answered or was tried often enough. A streamed body is sent once.
    async fn send(&self, action: &str, mut request: RequestBuilder) -> Result<Response, Error> {
        let mut tries = 1;
        loop {
            let again = request.try_clone();
            let reply = request.send().await.map_err(Error::http(action))?;
            match (again, asked_to_wait(&reply)) {
                (Some(again), Some(wait)) if tries < TRIES => {
                    // Shoppers who were refused together must not come back together.
                    tokio::time::sleep(wait.mul_f64(1.0 + rand::random::<f64>())).await;
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    (request, tries) = (again, tries + 1);
                }
                _ => return Ok(reply),
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    fn shop_url(&self, path: &str) -> String {
        format!("{}/store/v1/{}/{path}", self.gateway, self.organisation)
    }
}

/// How long to wait before the request is sent again; none when it was answered for good.
fn asked_to_wait(reply: &Response) -> Option<Duration> {
    let passing = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    if !passing.contains(&reply.status()) {
        return None;
    }
    let seconds = reply.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Some(seconds.map_or(Duration::from_secs(1), Duration::from_secs).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use serde_json::json;

    use super::*;

    /// A shop that is busy for the first `busy` requests, and the keys of all that it was sent.
    fn shop(busy: usize) -> (String, Arc<Mutex<Vec<String>>>) {
        let keys: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = keys.clone();
        let server = HttpServer::new(move || {
            let seen = seen.clone();
            App::new().default_service(web::to(move |request: HttpRequest| {
                let mut keys = seen.lock().unwrap();
                keys.push(request.headers().get("idempotency-key").unwrap().to_str().unwrap().to_owned());
                let reply = if keys.len() > busy {
                    HttpResponse::Created().json(json!({"status": "confirmed"}))
                } else {
                    HttpResponse::ServiceUnavailable().insert_header(("retry-after", "0")).finish()
                };
                async move { reply }
            }))
        });
        let server = server.workers(1).bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.disable_signals().run());
        (address, keys)
    }

    #[tokio::test]
    async fn a_busy_shop_is_asked_again_with_the_same_key_and_it_is_counted() {
        let (address, keys) = shop(5);
        let client = Client::new(&address, "demo").unwrap();
        let reply = client.clone().order(&json!({}), 0).await.unwrap();
        assert_eq!((reply.status(), client.retries()), (StatusCode::CREATED, 5));
        let keys = keys.lock().unwrap();
        assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (6, 1));
    }

    #[tokio::test]
    async fn a_shop_that_stays_busy_is_given_up() {
        let (address, keys) = shop(usize::MAX);
        let client = Client::new(&address, "demo").unwrap();
        let reply = client.order(&json!({}), 0).await.unwrap();
        assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!((keys.lock().unwrap().len(), client.retries()), (TRIES, TRIES - 1));
    }
}
