//! From an order to the message at the Bot API: alone, and where orders come faster than Telegram takes messages.

use std::time::{Duration, Instant};

use e2e::{Shop, Store};
use hdrhistogram::Histogram;

use crate::Failure;
use crate::http::{Connection, post};
use crate::orders::order;
use crate::report::{Report, milliseconds};
use crate::stack::{gateway, sell};

const SKU: &str = "TOLD";
/// Orders per second of the flood.
const RATE: u32 = 300;
/// Connections that place the flood.
const CLIENTS: u32 = 10;
/// How long it lasts.
const FLOOD: Duration = Duration::from_secs(20);

/// Both.
pub(crate) async fn measure(store: &mut Store, shop: &Shop, report: &mut Report) -> Result<(), Failure> {
    sell(store, shop, &[SKU.to_owned()], 1_000_000).await?;
    one_at_a_time(store, shop, report).await?;
    flood(store, shop, report).await
}

/// From POST to the message at the Bot API, one order at a time and slower than Telegram's limits.
async fn one_at_a_time(store: &mut Store, shop: &Shop, report: &mut Report) -> Result<(), Failure> {
    let path = format!("/store/v1/{}/orders", shop.slug);
    let mut connection = Connection::open(&gateway(store)).await?;
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    for _ in 0..10 {
        // Lets the burst that Telegram allows fill up again.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let started = Instant::now();
        let (_, body) = connection.exchange(&post(&path, "", &order(SKU))).await?;
        let placed: serde_json::Value = serde_json::from_slice(body)?;
        let number = placed["number"].as_i64().ok_or("the shopper is told no number")?;
        let named = format!("order {number}");
        while !store.bot().messages().iter().any(|message| message.text.to_lowercase().contains(&named)) {
            if started.elapsed() > Duration::from_secs(20) {
                return Err(format!("no message about order {number}").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        histogram.saturating_record(u64::try_from(started.elapsed().as_micros())?);
    }
    report.line(&format!(
        "| POST to the message at the Bot API | | {} | {} | 1 s | ten orders, one at a time |",
        milliseconds(histogram.value_at_quantile(0.5)),
        milliseconds(histogram.max())
    ));
    Ok(())
}

/// From the event of an order to the settled message that tells of it, at a steady rate that the chat's limit of a message a
/// second does not allow one by one.
async fn flood(store: &mut Store, shop: &Shop, report: &mut Report) -> Result<(), Failure> {
    store.settled().await;
    let client = store.superuser().await;
    let began = client.query_one("select clock_timestamp()::text", &[]).await?.get::<_, String>(0);
    let messages = store.bot().messages().len();
    let path = format!("/store/v1/{}/orders", shop.slug);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (address, path) = (gateway(store), path.clone());
        clients.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut ticks = tokio::time::interval(Duration::from_secs(1) * CLIENTS / RATE);
            let (end, mut placed) = (Instant::now() + FLOOD, 0_u32);
            while Instant::now() < end {
                ticks.tick().await;
                let (status, _) = connection.exchange(&post(&path, "", &order(SKU))).await?;
                if status != 202 {
                    return Err(Failure::from(format!("an order of the flood was answered with {status}")));
                }
                placed += 1;
            }
            Ok(placed)
        });
    }
    let mut placed = 0;
    while let Some(client) = clients.join_next().await {
        placed += client??;
    }
    store.settled().await;
    let told = client
        .query_one(
            "select count(*), count(*) filter (where state <> 'sent'),
                 coalesce(percentile_cont(0.5) within group (order by took), 0)::float8,
                 coalesce(percentile_cont(0.99) within group (order by took), 0)::float8
             from (select state, extract(epoch from settled_at - occurred_at) * 1000 as took
                   from notifier.deliveries where created_at >= $1::text::timestamptz) told",
            &[&began],
        )
        .await?;
    let (facts, untold, p50, p99): (i64, i64, f64, f64) = (told.get(0), told.get(1), told.get(2), told.get(3));
    if untold > 0 || facts < i64::from(placed) {
        return Err(format!("{placed} orders were placed, {facts} facts recorded, {untold} of them not told").into());
    }
    let messages = store.bot().messages().len() - messages;
    report.line(&format!(
        "| event to the message that tells it, {RATE} orders a second | {:.0} | {p50:.0} ms | {p99:.0} ms | p99 1 s | {facts} facts \
         of {placed} orders in {messages} messages, at most one a second |",
        f64::from(placed) / FLOOD.as_secs_f64(),
    ));
    report.figure("told-in-a-flood.p50-ms", p50);
    report.figure("told-in-a-flood.p99-ms", p99);
    Ok(())
}
