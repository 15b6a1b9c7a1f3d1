//! The way to a webhook: one signed request, one outcome.
//! The rules: a request goes to the address that was looked up and found allowed, and nowhere else: neither redirects nor proxies
//! are followed. A cause never has the URL, which may hold a secret.

use std::net::SocketAddr;
use std::time::Duration;

use kernel::{Clock, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::{CALL, NoClient, chain, short};
use crate::domain::{Outcome, Webhook, WebhookPolicy};

/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// The wait after a 429 that names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// The client of all webhooks, cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Webhooks {
    client: reqwest::Client,
    policy: WebhookPolicy,
}

impl Webhooks {
    /// A client that keeps this policy. A request takes no longer than 8 seconds.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub(super) fn new(policy: WebhookPolicy) -> Result<Self, NoClient> {
        let client = reqwest::Client::builder()
            .user_agent("cyber-store-notifier")
            .connect_timeout(Duration::from_secs(3))
            .timeout(CALL)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Allowed(policy))
            .build()
            .map_err(|error| NoClient(error.to_string()))?;
        Ok(Self { client, policy })
    }

    /// Posts one message.
    pub(super) async fn post(&self, webhook: &Webhook, id: &str, body: Vec<u8>) -> Outcome {
        // Again, since it may have been allowed when the destination was made.
        if let Err(refused) = self.policy.admit(&webhook.url) {
            return Outcome::Unavailable { cause: format!("the url {}", refused.reason()) };
        }
        let now = Clock::now();
        let request = self
            .client
            .post(webhook.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.timestamp().to_string())
            .header("webhook-signature", webhook.signature(id, now, &body))
            .body(body);
        match request.send().await {
            Ok(response) => outcome(&response, now),
            Err(error) => {
                let (connected, cause) = (!error.is_connect(), short(&chain(&error.without_url())));
                if connected { Outcome::Unknown { cause } } else { Outcome::Unavailable { cause } }
            }
        }
    }
}

/// What an answer means for the deliveries of the message.
fn outcome(response: &Response, now: Timestamp) -> Outcome {
    let status = response.status();
    let cause = || status.to_string();
    match status {
        status if status.is_success() => Outcome::Sent { message: None },
        StatusCode::GONE => Outcome::Ended { cause: cause() },
        StatusCode::TOO_MANY_REQUESTS => {
            let asked = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
            Outcome::Limited { retry_after: asked.and_then(|wait| seconds(wait, now)).unwrap_or(DEFAULT_WAIT) }
        }
        _ => Outcome::Unavailable { cause: cause() },
    }
}

/// The wait in a header `Retry-After`: seconds, or a date. At most [`LONGEST_WAIT`].
fn seconds(text: &str, now: Timestamp) -> Option<Duration> {
    let seconds = || text.trim().parse().ok().map(Duration::from_secs);
    let until = || {
        let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
        Some((date.to_utc() - now).to_std().unwrap_or_default())
    };
    Some(seconds().or_else(until)?.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// Looks names up, and leaves out the addresses that requests may not go to.
#[derive(Debug, Clone, Copy)]
struct Allowed(WebhookPolicy);

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| policy.admits(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} has no address on the public internet", name.as_str()).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{WebhookSecret, WebhookUrl};

    #[test]
    fn a_receiver_asks_for_a_wait_in_seconds_or_until_a_date_and_for_no_more_than_an_hour() {
        let now = chrono::DateTime::parse_from_rfc2822("Sat, 28 Nov 2026 10:00:00 GMT").unwrap().to_utc();
        assert_eq!(seconds("7", now), Some(Duration::from_secs(7)));
        assert_eq!(seconds("Sat, 28 Nov 2026 10:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(seconds("Sat, 28 Nov 2026 09:00:00 GMT", now), Some(Duration::from_secs(1)));
        assert_eq!(seconds("999999999", now), Some(LONGEST_WAIT));
        assert_eq!(seconds("soon", now), None);
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called_and_no_cause_has_the_url() {
        let url = "https://localhost/hook?key=secret";
        let webhook =
            Webhook { url: WebhookUrl::parse(url).unwrap(), secret: WebhookSecret::of_bytes([7_u8; 32].as_slice()) };
        let outside = Webhooks::new(WebhookPolicy::default()).unwrap();
        let outcome = outside.post(&webhook, "msg_1", Vec::new()).await;
        let Outcome::Unavailable { cause } = outcome else { panic!("{outcome:?}") };
        assert!(cause.contains("localhost has no address on the public internet"), "{cause}");
        assert!(!cause.contains("secret"), "{cause}");
    }
}
