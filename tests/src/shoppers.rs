//! Shoppers who order one thing after another, now and then through the queue, think better of some of what they queued, and repeat what
//! was not answered, under the same key, as a good client does.
//! The rule it keeps: every order that was accepted is written down with its bytes, so that it can be asked for later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kernel::OrderId;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Client;
use testkit::{eventually, secrets};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::{PATIENCE, Shop, Store, must, order_of};

/// How long a shopper waits for one answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a shopper goes on repeating one order.
const RESOLVE: Duration = Duration::from_secs(60);

/// How many repeat orders at once.
const REPEATERS: usize = 8;

/// An order that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Which.
    pub order: OrderId,
    /// The key under which it was placed.
    pub key: String,
    /// Where it was placed, below a gateway.
    pub path: String,
    /// What was sent.
    pub request: Vec<u8>,
    /// What came back.
    pub reply: Vec<u8>,
}

/// What the shoppers saw.
#[derive(Debug, Default)]
pub struct Tally {
    /// Accepted orders.
    pub accepted: Vec<Accepted>,
    /// Accepted only when they were repeated: the first attempt had been committed and its reply was lost, or the gateway
    /// had asked a second replica.
    pub recovered: usize,
    /// Attempts that were not answered with an order, by what came instead. They were repeated.
    pub failed: BTreeMap<String, usize>,
    /// Queued orders that were cancelled before their turn.
    pub cancelled: usize,
    /// Orders refused for good, or given up; none in a test that passes.
    pub lost: Vec<String>,
    /// From the first attempt to the acceptance.
    pub times: Vec<Duration>,
}

impl Tally {
    /// For the output of a test.
    #[must_use]
    pub fn summary(&self) -> String {
        let (half, most) = (within(&self.times, 0.5), within(&self.times, 0.99));
        format!(
            "{} accepted, {} of them only when repeated and {} cancelled in the queue, p50 {half:.0?}, p99 {most:.0?}, repeated because of {:?}",
            self.accepted.len(),
            self.recovered,
            self.cancelled,
            self.failed
        )
    }

    fn add(&mut self, other: Tally) {
        self.accepted.extend(other.accepted);
        self.recovered += other.recovered;
        self.cancelled += other.cancelled;
        self.lost.extend(other.lost);
        self.times.extend(other.times);
        for (what, times) in other.failed {
            *self.failed.entry(what).or_default() += times;
        }
    }
}

/// The time within which this share of `times` lies; zero when there are none.
#[must_use]
pub fn within(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index between 0 and the last one"
    )]
    let at = (last as f64 * share.clamp(0.0, 1.0)).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Shoppers at work.
pub struct Shoppers {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Tally>>,
}

/// One shopper.
struct Shopper {
    http: Client,
    gateways: Vec<String>,
    shops: Vec<String>,
    skus: Vec<String>,
    pause: Duration,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    random: StdRng,
}

impl Shoppers {
    /// Lets `number` shoppers order one to three of these SKUs at a time in these shops, in any order, with a pause
    /// after each order.
    #[must_use]
    pub fn start(store: &Store, shops: &[&Shop], skus: &[&str], number: u64, pause: Duration) -> Shoppers {
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..number)
            .map(|seed| {
                let shopper = Shopper {
                    http: client(),
                    gateways: store.gateways(),
                    shops: shops.iter().map(|shop| shop.orders()).collect(),
                    skus: skus.iter().map(|sku| (*sku).to_owned()).collect(),
                    pause,
                    stop: Arc::clone(&stop),
                    accepted: Arc::clone(&accepted),
                    random: StdRng::seed_from_u64(seed),
                };
                tokio::spawn(shopper.shop())
            })
            .collect();
        Shoppers { stop, accepted, tasks }
    }

    /// Waits until this many more orders have been accepted.
    pub async fn have_ordered(&self, more: usize) {
        let wanted = self.accepted.load(Ordering::Relaxed) + more;
        eventually(PATIENCE, async || {
            let now = self.accepted.load(Ordering::Relaxed);
            if now >= wanted { Ok(()) } else { Err(format!("{now} of {wanted} orders")) }
        })
        .await;
    }

    /// How many orders have been accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Lets them finish what they are at and go home.
    pub async fn finish(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for task in self.tasks {
            tally.add(must(task.await, "hear what a shopper saw"));
        }
        tally
    }
}

/// Repeats every accepted order under its key: the bytes must be the same, wherever it is asked.
///
/// # Panics
/// When they are not; the message names the key.
pub async fn repeat_all(store: &Store, accepted: &[Accepted]) {
    let gateways = store.gateways();
    let mut repeating = JoinSet::new();
    for (at, part) in accepted.chunks(accepted.len().div_ceil(REPEATERS).max(1)).enumerate() {
        let (part, gateway) = (part.to_vec(), gateways[at % gateways.len()].clone());
        repeating.spawn(async move {
            let http = client();
            for order in &part {
                repeat(&http, &gateway, order).await;
            }
        });
    }
    while let Some(repeated) = repeating.join_next().await {
        must(repeated, "repeat every order");
    }
}

async fn repeat(http: &Client, gateway: &str, order: &Accepted) {
    let sent = post(http, gateway, &order.path, &order.key, &order.request).await;
    let Answer::Accepted { bytes, replayed } = sent else { panic!("{} is {sent:?} when repeated", order.key) };
    assert!(replayed, "{} was not recognised as a repeat", order.key);
    let (now, then) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&order.reply));
    assert_eq!(now, then, "the reply to {} is not the same again", order.key);
}

/// What one attempt led to.
#[derive(Debug)]
enum Answer {
    Accepted {
        bytes: Vec<u8>,
        replayed: bool,
    },
    /// May be repeated.
    Failed(String),
    Refused(String),
}

fn client() -> Client {
    must(Client::builder().no_proxy().timeout(ANSWER).build(), "make an HTTP client")
}

async fn post(http: &Client, gateway: &str, path: &str, key: &str, body: &[u8]) -> Answer {
    let sent = http
        .post(format!("{gateway}{path}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(body.to_vec())
        .send()
        .await;
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) if error.is_connect() => return Answer::Failed("connection refused".to_owned()),
        Err(error) if error.is_timeout() => return Answer::Failed("no answer in time".to_owned()),
        Err(_) => return Answer::Failed("connection lost".to_owned()),
    };
    let status = reply.status().as_u16();
    let replayed = reply.headers().contains_key("idempotency-replayed");
    let Ok(bytes) = reply.bytes().await else { return Answer::Failed("reply cut off".to_owned()) };
    match status {
        201 | 202 => Answer::Accepted { bytes: bytes.to_vec(), replayed },
        // 409: the first attempt still runs.
        409 | 429 | 500..=599 => Answer::Failed(status.to_string()),
        _ => Answer::Refused(format!("{status} {}", String::from_utf8_lossy(&bytes))),
    }
}

impl Shopper {
    async fn shop(mut self) -> Tally {
        let mut tally = Tally::default();
        while !self.stop.load(Ordering::Relaxed) {
            self.order(&mut tally).await;
            tokio::time::sleep(self.pause).await;
        }
        tally
    }

    /// Cancels what was queued, if its turn has not come. Whether or not that was answered, the order is placed or cancelled.
    async fn think_better(&mut self, tally: &mut Tally, path: &str, token: &str) {
        let gateway = self.random.random_range(0..self.gateways.len());
        let asked = self.http.post(format!("{}{path}", self.gateways[gateway])).header("order-token", token);
        let Ok(reply) = asked.send().await else { return };
        match reply.status().as_u16() {
            200 => tally.cancelled += 1,
            // Its turn was first, or somebody else is at it.
            409 | 429 | 500..=599 => {}
            status => tally.lost.push(format!("{path} is answered with {status}")),
        }
    }

    async fn order(&mut self, tally: &mut Tally) {
        let orders = self.shops.choose(&mut self.random).cloned().unwrap_or_default();
        let path = if self.random.random_ratio(1, 4) { format!("{orders}/queue") } else { orders };
        let mut skus: Vec<&str> = self.skus.iter().map(String::as_str).collect();
        skus.shuffle(&mut self.random);
        skus.truncate(self.random.random_range(1..=3));
        let lines: Vec<(&str, i64)> = skus.into_iter().map(|sku| (sku, self.random.random_range(1..=2))).collect();
        let request = order_of(&lines).to_string().into_bytes();
        let key = Uuid::new_v4().to_string();
        let begun = Instant::now();
        let mut last = String::new();
        for attempt in 0_u32.. {
            let gateway = self.random.random_range(0..self.gateways.len());
            match post(&self.http, &self.gateways[gateway], &path, &key, &request).await {
                Answer::Accepted { bytes, replayed } => {
                    let Some((order, token)) = order_in(&bytes) else {
                        tally
                            .lost
                            .push(format!("{key} was answered with no order: {}", String::from_utf8_lossy(&bytes)));
                        return;
                    };
                    tally.recovered += usize::from(replayed);
                    tally.times.push(begun.elapsed());
                    if path.ends_with("/queue") && self.random.random_ratio(1, 3) {
                        self.think_better(tally, &format!("{path}/{order}/cancel"), &token).await;
                    }
                    tally.accepted.push(Accepted { order, key, path, request, reply: bytes });
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Answer::Failed(what) => {
                    last.clone_from(&what);
                    *tally.failed.entry(what).or_default() += 1;
                }
                Answer::Refused(what) => {
                    tally.lost.push(format!("{key} was refused: {what}"));
                    return;
                }
            }
            if begun.elapsed() > RESOLVE {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20 << attempt.min(4))).await;
        }
        tally.lost.push(format!("{key} was given up after {:?}: {last}", begun.elapsed()));
    }
}

/// The order that was accepted, and its token, which is a secret of the test from now on.
fn order_in(reply: &[u8]) -> Option<(OrderId, String)> {
    let receipt: serde_json::Value = serde_json::from_slice(reply).ok()?;
    let token = receipt["order_token"].as_str()?;
    secrets::note("order_token", token);
    Some((receipt["id"].as_str()?.parse().ok()?, token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_times_is_found_also_where_there_are_few() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(within(&times, 0.99), Duration::from_millis(99));
        assert_eq!(within(&times, 1.0), Duration::from_millis(100));
        assert_eq!(within(&times[..1], 0.5), Duration::from_millis(1));
        assert_eq!(within(&[], 0.5), Duration::ZERO);
    }
}
