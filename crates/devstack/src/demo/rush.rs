//! Two hundred shoppers order fifty pieces at once, and exactly fifty get one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use devstack::Error;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::catalog_file::CatalogFile;
use super::client::Client;
use super::{PIECES, SHOPPERS, words};
use crate::words::say;

/// How long an order may take to settle; a service may restart in between.
const PATIENCE: Duration = Duration::from_secs(90);

/// A SKU that nobody sells. An order with it is always refused, and the refusal names every SKU that order does not know.
const UNKNOWN: &str = "NO-SUCH-SKU-ANYWHERE";

/// The pieces of each other SKU that the shoppers order at most, all together.
const OTHERS_NEEDED: i64 = 2_000;

/// The SKUs that the shoppers order, and the stock of the wanted one before.
pub(super) struct Rush {
    pub(super) wanted: String,
    pub(super) others: Vec<String>,
    held_before: i64,
    on_hand: i64,
}

impl Rush {
    /// Makes exactly fifty pieces available, and plenty of the others, and waits until order knows all of them.
    pub(super) async fn prepare(client: &Client, file: &CatalogFile) -> Result<Self, Error> {
        let others: Vec<String> = file.others.iter().take(5).cloned().collect();
        for sku in &others {
            let stock = stock(client, sku).await?;
            if number(&stock, "available") < OTHERS_NEEDED {
                adjust(client, sku, &json!({"delta": OTHERS_NEEDED * 5, "reason": "demo: enough for everybody"}))
                    .await?;
            }
        }
        let stock = free_stock(client, &file.wanted).await?;
        let held_before = number(&stock, "held");
        let on_hand = held_before + number(&stock, "reserved") + PIECES;
        adjust(client, &file.wanted, &json!({"set": on_hand, "reason": "demo: the last ones"})).await?;
        let rush = Self { wanted: file.wanted.clone(), others, held_before, on_hand };
        rush.known_to_order(client).await?;
        Ok(rush)
    }

    pub(super) fn words(&self) -> String {
        let earlier = if self.held_before > 0 {
            format!(" ({} on hand, {} held by earlier orders)", self.on_hand, self.held_before)
        } else {
            String::new()
        };
        format!("{PIECES} available{earlier}; bought beside it: {}", self.others.join(", "))
    }

    /// Waits until order knows the products. It reads them from Kafka, and a large import takes a moment to arrive.
    async fn known_to_order(&self, client: &Client) -> Result<(), Error> {
        let skus = self.others.iter().chain([&self.wanted]).map(String::as_str).chain([UNKNOWN]);
        let lines: Vec<Value> = skus.map(|sku| json!({"sku": sku, "quantity": 1})).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = client.order(&json!({"lines": lines}), 0).await?;
            if reply.status() != StatusCode::UNPROCESSABLE_ENTITY {
                return Err(Error::status("ask which products order knows", reply).await);
            }
            let problem: Value = reply.json().await.map_err(Error::http("ask which products order knows"))?;
            let missing = problem["errors"].as_array().map_or(0, Vec::len);
            if missing == 1 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::Refused(format!(
                    "order does not know the imported products after {} s: {problem}",
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Places all orders at once and waits until every one is settled.
    pub(super) async fn run(&self, client: &Client) -> Result<Outcome, Error> {
        let mut shoppers = JoinSet::new();
        for shopper in 0..SHOPPERS {
            let lines = self.basket(shopper);
            let client = client.clone();
            shoppers.spawn(async move { shop(&client, shopper, lines).await });
        }
        let mut outcome = Outcome { wanted: self.wanted.clone(), ..Outcome::default() };
        let mut reported = Instant::now();
        while let Some(ended) = shoppers.join_next().await {
            let (order, took) =
                ended.map_err(|error| Error::Refused(format!("a shopper was interrupted: {error}")))??;
            outcome.take(&order, took);
            if reported.elapsed() > Duration::from_secs(2) {
                say!("      {} of {SHOPPERS} orders are settled", outcome.times.len());
                reported = Instant::now();
            }
        }
        outcome.times.sort();
        Ok(outcome)
    }

    /// The wanted SKU among one to three others, at varying places.
    fn basket(&self, shopper: usize) -> Vec<Value> {
        let mut lines: Vec<Value> = (0..=shopper % 3)
            .filter_map(|more| self.others.get((shopper + more) % self.others.len().max(1)))
            .map(|sku| json!({"sku": sku, "quantity": 1 + shopper % 2}))
            .collect();
        lines.insert(shopper % (lines.len() + 1), json!({"sku": self.wanted, "quantity": 1}));
        lines
    }

    /// The stock when catalog has processed every confirmation.
    pub(super) async fn settle(&self, client: &Client) -> Result<Ledger, Error> {
        let stock = free_stock(client, &self.wanted).await?;
        Ok(Ledger {
            on_hand: number(&stock, "on_hand"),
            newly_held: number(&stock, "held") - self.held_before,
            available: number(&stock, "available"),
        })
    }
}

/// How the orders ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    wanted: String,
    pieces: i64,
    confirmed: usize,
    rejected: usize,
    other: BTreeMap<String, usize>,
    reasons: BTreeMap<String, usize>,
    times: Vec<Duration>,
}

impl Outcome {
    /// Pieces of the wanted SKU in confirmed orders.
    pub(super) fn sold(&self) -> i64 {
        self.pieces
    }

    fn take(&mut self, order: &Value, took: Duration) {
        self.times.push(took);
        match words(&order["status"]) {
            "confirmed" => {
                self.confirmed += 1;
                let lines = order["lines"].as_array().into_iter().flatten();
                self.pieces += lines
                    .filter(|line| words(&line["sku"]) == self.wanted)
                    .map(|line| number(line, "quantity"))
                    .sum::<i64>();
            }
            "rejected" => {
                self.rejected += 1;
                for reason in order["reasons"].as_array().into_iter().flatten() {
                    let said = format!("{} {}", words(&reason["reason"]), words(&reason["sku"]));
                    *self.reasons.entry(said).or_default() += 1;
                }
            }
            status => *self.other.entry(status.to_owned()).or_default() += 1,
        }
    }

    pub(super) fn words(&self) -> Vec<String> {
        let at = |share: usize| {
            self.times
                .get((self.times.len() * share / 100).min(self.times.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        let mut lines = vec![
            format!(
                "{} confirmed, {} rejected: {} pieces of {} sold",
                self.confirmed, self.rejected, self.pieces, self.wanted
            ),
            format!(
                "from the POST to the outcome: half of them within {} ms, all within {} ms",
                at(50).as_millis(),
                at(100).as_millis()
            ),
        ];
        lines.extend(self.reasons.iter().map(|(reason, count)| format!("rejected because: {reason} ({count})")));
        lines.extend(self.other.iter().map(|(status, count)| format!("{count} ended as {status}")));
        lines
    }
}

/// The stock afterwards.
pub(super) struct Ledger {
    on_hand: i64,
    newly_held: i64,
    available: i64,
}

impl Ledger {
    pub(super) fn agrees(&self) -> bool {
        self.newly_held == PIECES && self.available == 0
    }

    pub(super) fn words(&self) -> String {
        format!("on hand {}, held for these orders {}, available {}", self.on_hand, self.newly_held, self.available)
    }
}

/// Places one order and waits until it is settled.
async fn shop(client: &Client, shopper: usize, lines: Vec<Value>) -> Result<(Value, Duration), Error> {
    let content = json!({"lines": lines, "reference": format!("shopper {}", shopper + 1)});
    let begun = Instant::now();
    let reply = client.order(&content, 10).await?;
    if !reply.status().is_success() {
        return Err(Error::status("place an order", reply).await);
    }
    let mut order: Value = reply.json().await.map_err(Error::http("read an order's reply"))?;
    let (id, token) = (words(&order["id"]).to_owned(), words(&order["order_token"]).to_owned());
    while words(&order["status"]) == "pending" {
        if begun.elapsed() > PATIENCE {
            return Err(Error::Refused(format!(
                "order {id} is still pending after {} s; `make logs SERVICE=catalog` may say why",
                PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        order = client.own_order(&id, &token).await?;
    }
    Ok((order, begun.elapsed()))
}

async fn stock(client: &Client, sku: &str) -> Result<Value, Error> {
    client.get(&format!("read the stock of {sku}"), &format!("/admin/v1/stock/{sku}")).await
}

/// The stock when nothing is reserved: all reservations have become holds or were released.
async fn free_stock(client: &Client, sku: &str) -> Result<Value, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stock = stock(client, sku).await?;
        if number(&stock, "reserved") == 0 || Instant::now() > deadline {
            return Ok(stock);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn adjust(client: &Client, sku: &str, content: &Value) -> Result<Value, Error> {
    client.post(&format!("set the stock of {sku}"), &format!("/admin/v1/stock/{sku}/adjust"), content).await
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_default()
}
