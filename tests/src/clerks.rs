//! Clerks who do with a shop's orders whatever comes to their mind: write them down, queue them, bring them from elsewhere, take money and
//! give it back, pack, send, deliver, cancel, hold, add to them, take goods back. The rule it keeps: what was not answered is repeated under the same key, as a good client does, and what an order
//! refuses is no failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, eventually};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{PATIENCE, Shop, Store, must};

/// The step that changes the lines of an order, which is no POST.
const EDIT: &str = "edit";
/// An edit of which catalog is asked first.
const ADD: &str = "add";

/// The steps that a storm must have seen: without one of them it would prove less than it says.
const STEPS: [&str; 18] = [
    "place",
    "queue",
    "import",
    "payments",
    "refunds",
    "edit",
    ADD,
    "pack",
    "ship",
    "deliver",
    "complete",
    "cancel",
    "cancel-lines",
    "hold",
    "release",
    "returns",
    "receive",
    "notes",
];

/// The SKUs of which there is always enough, so that what was sold elsewhere can be sent.
const PLENTY: [&str; 2] = ["S1", "S2"];

/// How the list is narrowed down: among the latest orders alone, those that have left or are paid for would soon be found no more.
const FURTHER: [&str; 4] = ["", "", "&where=fulfilment_status:eq:fulfilled", "&where=payment_status:eq:partly-paid"];

/// How long a clerk goes on repeating one step.
const RESOLVE: Duration = Duration::from_secs(60);

/// What the clerks did.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Steps that were done, by their names.
    pub done: BTreeMap<&'static str, usize>,
    /// Steps that orders refused, by their names.
    pub refused: BTreeMap<&'static str, usize>,
    /// Attempts that were repeated, by what came instead of an answer.
    pub failed: BTreeMap<String, usize>,
    /// Answers that nobody expects, and steps that were given up; none in a test that passes.
    pub wrong: Vec<String>,
}

/// Steps that all clerks together have done so far, by their names.
type Done = Arc<Mutex<BTreeMap<&'static str, usize>>>;

/// What a clerk wants to do.
struct Wish {
    /// The name of the step.
    name: &'static str,
    /// Where it is asked for.
    path: String,
    body: Value,
}

/// Clerks at work.
pub struct Clerks {
    stop: Arc<AtomicBool>,
    done: Done,
    tasks: Vec<JoinHandle<Deeds>>,
}

struct Clerk {
    gateways: Vec<String>,
    tokens: Vec<String>,
    /// The SKUs of the orders that were read.
    skus: BTreeSet<String>,
    stop: Arc<AtomicBool>,
    done: Done,
    random: StdRng,
    deeds: Deeds,
}

impl Clerks {
    /// Lets `number` clerks work in these shops; what each does depends on its number and on the orders that it finds.
    #[must_use]
    pub fn start(store: &Store, shops: &[&Shop], number: u64) -> Clerks {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Done::default());
        let tasks = (0..number)
            .map(|seed| {
                let clerk = Clerk {
                    gateways: store.gateways(),
                    tokens: shops.iter().map(|shop| shop.token.clone()).collect(),
                    skus: BTreeSet::new(),
                    stop: Arc::clone(&stop),
                    done: Arc::clone(&done),
                    random: StdRng::seed_from_u64(seed),
                    deeds: Deeds::default(),
                };
                tokio::spawn(clerk.work())
            })
            .collect();
        Clerks { stop, done, tasks }
    }

    /// Waits until this many more steps have been done.
    pub async fn have_done(&self, more: usize) {
        let count = || so_far(&self.done).values().sum::<usize>();
        let wanted = count() + more;
        eventually(PATIENCE, async || {
            let now = count();
            if now >= wanted { Ok(()) } else { Err(format!("{now} of {wanted} steps")) }
        })
        .await;
    }

    /// Waits until each kind of step was done at least once: written down, queued, imported, paid and given back, edited and added to,
    /// packed, sent, delivered, completed, cancelled as a whole and in part, held and released, asked back and taken in, noted.
    pub async fn have_done_everything(&self) {
        eventually(PATIENCE, async || {
            let done = so_far(&self.done);
            let missing: Vec<_> = STEPS.iter().filter(|step| !done.contains_key(*step)).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("nobody did {missing:?}")) }
        })
        .await;
    }

    /// Lets them finish what they are at and go home.
    pub async fn finish(self) -> Deeds {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Deeds::default();
        for task in self.tasks {
            let deeds = must(task.await, "hear what a clerk did");
            for (what, times) in deeds.refused {
                *all.refused.entry(what).or_default() += times;
            }
            for (what, times) in deeds.failed {
                *all.failed.entry(what).or_default() += times;
            }
            all.wrong.extend(deeds.wrong);
        }
        Deeds { done: so_far(&self.done), ..all }
    }
}

fn so_far(done: &Done) -> BTreeMap<&'static str, usize> {
    done.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Clerk {
    async fn work(mut self) -> Deeds {
        while !self.stop.load(Ordering::Relaxed) {
            let Some((token, order)) = self.order().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let wish = if self.random.random_ratio(1, 12) {
                Some(self.new_order())
            } else {
                self.step(&order).map(|(name, path, body)| {
                    let path = format!("/admin/v1/orders/{}/{path}", order["id"].as_str().unwrap_or_default());
                    Wish { name, path, body }
                })
            };
            if let Some(wish) = wish {
                self.take(&token, &wish).await;
            }
        }
        self.deeds
    }

    /// One of the latest orders of one of the shops, or of those that are further, and who may work on it.
    async fn order(&mut self) -> Option<(String, Value)> {
        let token = self.tokens.choose(&mut self.random)?.clone();
        let narrowed = FURTHER.choose(&mut self.random).copied().unwrap_or_default();
        let list = self.read(&token, &format!("/admin/v1/orders?limit=40&fields=id{narrowed}")).await?;
        let id = list["items"].as_array()?.choose(&mut self.random)?["id"].as_str()?.to_owned();
        let order = self.read(&token, &format!("/admin/v1/orders/{id}")).await?;
        let lines = order["lines"].as_array().into_iter().flatten();
        self.skus.extend(lines.filter_map(|line| line["sku"].as_str()).map(ToOwned::to_owned));
        Some((token, order))
    }

    async fn read(&mut self, token: &str, path: &str) -> Option<Value> {
        let client = Client::new(self.gateways.choose(&mut self.random)?, Some(token));
        let reply = client.try_send(Method::GET, path, None).await.ok()?;
        (reply.status == 200).then(|| reply.json())
    }

    /// An order that somebody rang about, or that was sold elsewhere: with amounts that no shopper can state, so that each line has its part
    /// of them.
    fn new_order(&mut self) -> Wish {
        let mut money = |most: i64| {
            let cents = self.random.random_range(0..=most);
            json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD"})
        };
        let (discount, shipping, tax, price) = (money(90), money(700), money(300), money(500));
        let lines: Vec<Value> = PLENTY
            .iter()
            .map(|sku| json!({"sku": sku, "quantity": self.random.random_range(1..=4), "unit_price": {"amount": "1.25", "currency": "USD"}}))
            .collect();
        let mut body = json!({"lines": lines, "discount": discount, "shipping": shipping, "tax": tax});
        let orders = "/admin/v1/orders";
        match self.random.random_range(0..3) {
            0 => Wish { name: "place", path: orders.to_owned(), body },
            1 => Wish { name: "queue", path: format!("{orders}/queue"), body },
            _ => {
                let statuses =
                    ["confirmed", "on-hold", "packed", "shipped", "delivered", "completed", "returned", "cancelled"];
                let status = statuses.choose(&mut self.random).copied().unwrap_or_default();
                let policy = ["update", "force", "skip"].choose(&mut self.random).copied().unwrap_or_default();
                body["channel"] = json!("bazaar");
                body["external_reference"] = json!(Uuid::new_v4());
                body["placed_at"] = json!("2026-01-05T08:00:00Z");
                body["raw_status"] = json!(status.to_uppercase());
                body["raw_status_at"] = json!("2026-01-05T08:00:00Z");
                body["status"] = json!(status);
                body["stock"] = json!(policy);
                body["restocked"] = json!(self.random.random::<bool>());
                body["paid"] = price;
                Wish { name: "import", path: format!("{orders}/import"), body }
            }
        }
    }

    /// What comes to a clerk's mind about this order, whether or not it can be done.
    fn step(&mut self, order: &Value) -> Option<(&'static str, String, Value)> {
        let lines = self.some_of(&order["lines"]);
        let at = |place: &str, id: &Value, step: &str| format!("{place}/{}/{step}", id.as_str().unwrap_or_default());
        let parcel = self.one_of(&order["parcels"]);
        let back = self.one_of(&order["returns"]);
        let (paid, cents) = (self.one_of(&order["payments"]), self.random.random_range(1..400));
        let amount = json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD"});
        let simple = |name: &'static str| Some((name, name.to_owned(), json!({})));
        // What is on its way arrives mostly, and some of what has arrived comes back: by chance alone nothing would get so far.
        let on_its_way =
            order["parcels"].as_array().into_iter().flatten().find(|parcel| parcel["delivered_at"].is_null());
        if let Some(parcel) = on_its_way
            && self.random.random_bool(0.5)
        {
            return Some(("deliver", at("parcels", &parcel["id"], "deliver"), json!({})));
        }
        let arrived = order["lines"].as_array()?.iter().find(|line| {
            let pieces = |of: &str| line["pieces"][of].as_i64().unwrap_or_default();
            pieces("delivered") > pieces("return_requested") + pieces("returned")
        });
        if let Some(line) = arrived
            && self.random.random_bool(0.3)
        {
            return Some(("returns", "returns".to_owned(), json!({"lines": [{"sku": line["sku"], "quantity": 1}]})));
        }
        if order["status"] == "delivered" && self.random.random_bool(0.2) {
            return simple("complete");
        }
        // A return of which nobody is told what became would never be over.
        let open = order["returns"].as_array().into_iter().flatten().find(|back| back["settled_at"].is_null());
        if let Some(back) = open
            && self.random.random_bool(0.3)
        {
            let what = if self.random.random() { "restocked" } else { "written_off" };
            return Some(("receive", at("returns", &back["id"], "receive"), json!({what: back["lines"]})));
        }
        match self.random.random_range(0..27) {
            0 => simple("hold"),
            1 | 2 => simple("release"),
            3 => simple("cancel-request"),
            4 | 5 => simple("cancel-decline"),
            6 => simple("cancel"),
            7 => Some(("cancel-lines", "cancel-lines".to_owned(), json!({"lines": lines}))),
            8 | 9 => Some(("pack", "pack".to_owned(), json!({"lines": lines}))),
            10 => simple("pack"),
            11 | 12 => Some((
                "ship",
                "ship".to_owned(),
                json!({"lines": lines, "carrier": "Post", "tracking_number": Uuid::new_v4()}),
            )),
            13 => simple("ship"),
            14 | 15 => Some(("deliver", at("parcels", &parcel?["id"], "deliver"), json!({}))),
            16 => simple("complete"),
            26 => simple("addition/withdraw"),
            17 => Some(("returns", "returns".to_owned(), json!({"lines": lines}))),
            18 => Some(("approve", at("returns", &back?["id"], "approve"), json!({}))),
            19 => {
                let back = back?;
                let body = if self.random.random() { "restocked" } else { "written_off" };
                Some(("receive", at("returns", &back["id"], "receive"), json!({body: back["lines"]})))
            }
            20 => {
                let line = self.one_of(&order["lines"])?;
                let kept = json!([{"sku": line["sku"], "quantity": self.random.random_range(0..=1)}]);
                Some((EDIT, "lines".to_owned(), json!({"lines": kept, "version": order["version"]})))
            }
            24 | 25 => {
                // Of a SKU that the order has or of another one, and sometimes with something taken off.
                let sku = self.skus.iter().nth(self.random.random_range(0..self.skus.len()))?.clone();
                let mut wanted = vec![json!({"sku": sku, "quantity": self.random.random_range(2..=5)})];
                let line = self.one_of(&order["lines"])?;
                if line["sku"] != sku.as_str() && self.random.random_bool(0.3) {
                    wanted.push(json!({"sku": line["sku"], "quantity": self.random.random_range(0..=1)}));
                }
                Some((EDIT, "lines".to_owned(), json!({"lines": wanted, "version": order["version"]})))
            }
            21 => Some(("notes", "notes".to_owned(), json!({"text": "Somebody rang."}))),
            22 => Some((
                "payments",
                "payments".to_owned(),
                json!({"kind": "received", "method": "cash", "amount": amount}),
            )),
            _ => {
                let refund = json!({"payment": paid?["id"], "method": "cash", "amount": amount});
                Some(("refunds", "refunds".to_owned(), refund))
            }
        }
    }

    fn one_of(&mut self, list: &Value) -> Option<Value> {
        list.as_array()?.choose(&mut self.random).cloned()
    }

    /// A piece or two of one of the lines.
    fn some_of(&mut self, lines: &Value) -> Value {
        let Some(line) = self.one_of(lines) else { return json!([]) };
        json!([{"sku": line["sku"], "quantity": self.random.random_range(1..=2)}])
    }

    async fn take(&mut self, token: &str, Wish { name, path, body }: &Wish) {
        let key = Uuid::new_v4().to_string();
        let (mut body, until) = (body.clone(), Instant::now() + RESOLVE);
        let version = body.as_object_mut().and_then(|body| body.remove("version"));
        let (body, method) = (body.to_string().into_bytes(), if *name == EDIT { Method::PATCH } else { Method::POST });
        let mut last = String::new();
        while Instant::now() < until {
            let Some(gateway) = self.gateways.choose(&mut self.random) else { return };
            let mut client = Client::new(gateway, Some(token)).with("idempotency-key", &key);
            if let Some(version) = &version {
                client = client.with("if-match", &format!("\"{version}\""));
            }
            let what = match client.try_send(method.clone(), path, Some(body.clone())).await {
                Ok(reply) if matches!(reply.status, 200..=202) => {
                    let name = if *name == EDIT && reply.status == 202 { ADD } else { name };
                    *self.done.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
                    return;
                }
                // Two clerks did something with it at once, or the first attempt still runs.
                Ok(reply) if matches!(reply.status, 429 | 500..) || is_busy(&reply.json()) => {
                    format!("{} {}", reply.status, reply.json()["type"])
                }
                Ok(reply) if matches!(reply.status, 404 | 409 | 412 | 422) => {
                    *self.deeds.refused.entry(*name).or_default() += 1;
                    return;
                }
                Ok(reply) => {
                    self.deeds.wrong.push(format!("{path}: {} {}", reply.status, reply.text()));
                    return;
                }
                Err(error) if error.is_connect() => "connection refused".to_owned(),
                Err(_) => "connection lost".to_owned(),
            };
            last.clone_from(&what);
            *self.deeds.failed.entry(what).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.deeds.wrong.push(format!("{path} was given up: {last}"));
    }
}

fn is_busy(problem: &Value) -> bool {
    problem["type"] == "/problems/idempotency-key-busy"
}
