//! People of several organisations who read while others write: lists, queries, single things, streams, also by the ids of others.
//! The rule it keeps: every id that a reply has is written down with who got it and from where, so that the checker can say whose it is
//! (I11).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::OrderId;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Client;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{Shop, Store, must};

/// How long a reader listens to a stream that says nothing.
const LISTENS: Duration = Duration::from_millis(400);

/// How much of a stream a reader hears, in bytes: an order that always changes would be followed for ever.
const HEARS: usize = 100_000;

/// How long a reader rests after each round.
const PAUSE: Duration = Duration::from_millis(300);

/// What readers were shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// By the name of the shop and the id: where it was read first.
    pub things: BTreeMap<(String, Uuid), String>,
    /// How many replies had something, by what was asked.
    pub replies: BTreeMap<&'static str, usize>,
    /// Replies that nobody may get: something of another organisation by its id.
    pub wrong: Vec<String>,
}

impl Shown {
    fn add(&mut self, other: Shown) {
        self.things.extend(other.things);
        self.wrong.extend(other.wrong);
        for (what, times) in other.replies {
            *self.replies.entry(what).or_default() += times;
        }
    }

    /// Writes down every id in a reply.
    fn note(&mut self, slug: &str, what: &'static str, at: &str, body: &Value) {
        let mut any = false;
        each_id(body, &mut |id| {
            any = true;
            self.things.entry((slug.to_owned(), id)).or_insert_with(|| at.to_owned());
        });
        *self.replies.entry(what).or_default() += usize::from(any);
    }
}

/// Every text that is an id, whatever it names.
fn each_id(body: &Value, found: &mut impl FnMut(Uuid)) {
    match body {
        Value::String(text) => {
            let digits = text.split_once('_').map(|(_, digits)| format!("ord_{digits}"));
            if let Some(Ok(id)) = digits.map(|text| text.parse::<OrderId>()) {
                found(id.uuid());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_id(item, found)),
        Value::Object(members) => members.values().for_each(|member| each_id(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Readers at work, one for each shop.
pub struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Shown>>,
}

/// The orders that anybody has read, with the shop whose list they stood in.
type Orders = Arc<Mutex<Vec<(String, String)>>>;

struct Reader {
    http: reqwest::Client,
    gateways: Vec<String>,
    slug: String,
    token: String,
    orders: Orders,
    random: StdRng,
    shown: Shown,
}

impl Readers {
    /// Lets somebody of each of these shops read.
    #[must_use]
    pub fn start(store: &Store, shops: &[&Shop]) -> Readers {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = readers(store, shops).into_iter().map(|mut reader| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    reader.read_everything().await;
                    // A reader who never rests would take the machine from those who write.
                    tokio::time::sleep(PAUSE).await;
                }
                reader.shown
            })
        });
        Readers { tasks: tasks.collect(), stop }
    }

    /// Lets them finish what they read and go home.
    pub async fn finish(self) -> Shown {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Shown::default();
        for task in self.tasks {
            all.add(must(task.await, "hear what a reader saw"));
        }
        all
    }

    /// Somebody of each of these shops reads everything twice: the second time others have read something that is not theirs.
    pub async fn once(store: &Store, shops: &[&Shop]) -> Shown {
        let mut readers = readers(store, shops);
        for _ in 0..2 {
            for reader in &mut readers {
                reader.read_everything().await;
            }
        }
        let mut all = Shown::default();
        readers.into_iter().for_each(|reader| all.add(reader.shown));
        all
    }
}

fn readers(store: &Store, shops: &[&Shop]) -> Vec<Reader> {
    let orders = Orders::default();
    let reader = |(seed, shop): (u64, &&Shop)| Reader {
        http: must(reqwest::Client::builder().no_proxy().build(), "make an HTTP client"),
        gateways: store.gateways(),
        slug: shop.slug.clone(),
        token: shop.token.clone(),
        orders: Arc::clone(&orders),
        random: StdRng::seed_from_u64(seed),
        shown: Shown::default(),
    };
    (0..).zip(shops).map(reader).collect()
}

impl Reader {
    async fn read_everything(&mut self) {
        let listed = self.read("list", Method::GET, "/admin/v1/orders?limit=100", None).await;
        let ids = listed["items"].as_array().into_iter().flatten().filter_map(|order| order["id"].as_str());
        let of_list: Vec<(String, String)> = ids.map(|id| (self.slug.clone(), id.to_owned())).collect();
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).extend(of_list);
        let asked = json!({"limit": 100, "facets": ["status"], "fields": ["id", "customer", "buyer", "product"]});
        self.read("query", Method::POST, "/admin/v1/orders/query", Some(&asked)).await;
        self.read("customers", Method::GET, "/admin/v1/customers?limit=100", None).await;
        self.read("products", Method::GET, "/admin/v1/products?limit=100", None).await;
        let shop = format!("/store/v1/{}/products?limit=100", self.slug);
        self.read("shop", Method::GET, &shop, None).await;
        let known = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (own, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|(slug, _)| *slug == self.slug);
        // What stands in the own list as well is foreign to one of the two; the checker says to which.
        let foreign: Vec<_> = others.iter().filter(|(_, order)| own.iter().all(|(_, mine)| mine != order)).collect();
        if let Some((_, order)) = own.choose(&mut self.random) {
            self.read("order", Method::GET, &format!("/admin/v1/orders/{order}"), None).await;
            self.read("timeline", Method::GET, &format!("/admin/v1/orders/{order}/timeline"), None).await;
            self.listen(&format!("/admin/v1/orders/{order}/events")).await;
        }
        if let Some((slug, order)) = foreign.choose(&mut self.random) {
            for step in ["", "/timeline", "/events"] {
                let at = format!("/admin/v1/orders/{order}{step}");
                // The body of a stream would not end.
                let reply = self.http.get(format!("{}{at}", self.gateways[0])).bearer_auth(&self.token).send().await;
                if reply.is_ok_and(|reply| reply.status().is_success()) {
                    self.shown.wrong.push(format!("I11 {} was shown {at} of {slug}", self.slug));
                }
            }
        }
    }

    fn client(&mut self) -> Client {
        let at = self.random.random_range(0..self.gateways.len());
        Client::new(&self.gateways[at], Some(&self.token))
    }

    async fn read(&mut self, what: &'static str, method: Method, at: &str, body: Option<&Value>) -> Value {
        let body = body.map(|body| body.to_string().into_bytes());
        let reply = self.client().without_key().try_send(method, at, body).await;
        // Services are killed meanwhile; what is not answered was not shown.
        let Ok(reply) = reply else { return Value::Null };
        match reply.status {
            200 => {
                let body = reply.json();
                self.shown.note(&self.slug, what, at, &body);
                body
            }
            404 | 429 | 500.. => Value::Null,
            status => {
                self.shown.wrong.push(format!("{at} is answered with {status} {}", reply.text()));
                Value::Null
            }
        }
    }

    /// Listens to what happens to an order, until nothing is said for a while.
    async fn listen(&mut self, at: &str) {
        let gateway = self.random.random_range(0..self.gateways.len());
        let asked = self.http.get(format!("{}{at}", self.gateways[gateway])).bearer_auth(&self.token);
        let Ok(mut stream) = asked.send().await else { return };
        let mut text = String::new();
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(LISTENS, stream.chunk()).await {
            text.push_str(&String::from_utf8_lossy(&piece));
            if text.len() > HEARS {
                break;
            }
        }
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        for event in events {
            self.shown.note(&self.slug, "stream", at, &event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_a_reply_is_found_however_deep_and_nothing_else() {
        let (order, buyer) = (OrderId::new(), kernel::BuyerId::new());
        let body = json!({"items": [{"id": order, "about": {"buyer": buyer}, "sku": "A_B", "note": "ord_short"}]});
        let mut found = Vec::new();
        each_id(&body, &mut |id| found.push(id));
        found.sort_unstable();
        let mut expected = [order.uuid(), buyer.uuid()];
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
