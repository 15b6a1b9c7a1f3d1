//! The demo's HTTP client. It sends to the gateway what any other client would.

use std::time::Duration;

use devstack::{Error, random_secret};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// A client of one organisation.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    gateway: String,
    organisation: String,
    token: String,
}

impl Client {
    pub(super) fn new(gateway: &str, organisation: &str) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(256)
            .build()
            .map_err(Error::http("make an HTTP client"))?;
        Ok(Self { http, gateway: gateway.to_owned(), organisation: organisation.to_owned(), token: String::new() })
    }

    /// Sets the access token for the requests of staff.
    pub(super) fn set_token(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    /// A read by staff.
    pub(super) async fn get(&self, action: &str, path: &str) -> Result<Value, Error> {
        body(action, self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    /// A write by staff, with an idempotency key of its own.
    pub(super) async fn post(&self, action: &str, path: &str, content: &Value) -> Result<Value, Error> {
        let mut request = self.http.post(self.url(path)).header("Idempotency-Key", random_secret()).json(content);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        body(action, request).await
    }

    /// Uploads a file to import; the caller reads the reply as it arrives.
    pub(super) async fn import(&self, media_type: &str, content: reqwest::Body) -> Result<Response, Error> {
        let request = self.http.post(self.url("/admin/v1/imports")).bearer_auth(&self.token);
        accepted("import the file", request.header("Content-Type", media_type).body(content)).await
    }

    /// A read by a shopper.
    pub(super) async fn shop(&self, action: &str, path: &str) -> Result<Value, Error> {
        body(action, self.http.get(self.shop_url(path))).await
    }

    /// Places an order as a shopper. The reply has the outcome if that is known within `wait` seconds.
    pub(super) async fn order(&self, content: &Value, wait: u32) -> Result<Response, Error> {
        let request = self.http.post(self.shop_url("orders")).header("Idempotency-Key", random_secret()).json(content);
        request.header("Prefer", format!("wait={wait}")).send().await.map_err(Error::http("place an order"))
    }

    /// Reads an order as the shopper who placed it.
    pub(super) async fn own_order(&self, order: &str, token: &str) -> Result<Value, Error> {
        body("read an order", self.http.get(self.shop_url(&format!("orders/{order}"))).header("Order-Token", token))
            .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    fn shop_url(&self, path: &str) -> String {
        format!("{}/store/v1/{}/{path}", self.gateway, self.organisation)
    }
}

async fn body(action: &str, request: RequestBuilder) -> Result<Value, Error> {
    accepted(action, request).await?.json().await.map_err(Error::http(action))
}

async fn accepted(action: &str, request: RequestBuilder) -> Result<Response, Error> {
    let reply = request.send().await.map_err(Error::http(action))?;
    if reply.status().is_success() { Ok(reply) } else { Err(Error::status(action, reply).await) }
}
