//! Orders: how many reach their end per second, and how long one takes.

use std::time::{Duration, Instant};

use e2e::{Shop, Store};
use serde_json::json;

use crate::Failure;
use crate::http::post;
use crate::load::closed_loop;
use crate::processes::Shares;
use crate::report::{Report, milliseconds};
use crate::stack::{gateway, sell};

/// One piece of a SKU.
pub(crate) fn order(sku: &str) -> String {
    json!({"lines": [{"sku": sku, "quantity": 1}]}).to_string()
}

/// From POST to confirmed, the client waiting in the same request.
pub(crate) async fn latency(store: &mut Store, shop: &Shop, report: &mut Report) -> Result<(), Failure> {
    let skus: Vec<String> = (0..100).map(|number| format!("LATENCY-{number}")).collect();
    sell(store, shop, &skus, 1_000_000).await?;
    let path = format!("/store/v1/{}/orders", shop.slug);
    for (clients, name, aim) in
        [(1, "1-client", "p50 15 ms"), (32, "32-clients", "p50 60 ms"), (256, "256-clients", "–")]
    {
        let (path, skus) = (path.clone(), skus.clone());
        let shares = Shares::begin(store);
        // 201 is the outcome; 202 would mean that it did not come within the ten seconds.
        let load = closed_loop(&gateway(store), clients, Duration::from_secs(8), &[201], move |number| {
            let sku = &skus[usize::try_from(number).unwrap_or(0) % skus.len()];
            post(&path, "prefer: wait=10\r\n", &order(sku))
        })
        .await?;
        let beside = format!("`Prefer: wait=10`; {}", shares.end(store));
        report.load(&format!("POST to confirmed, {clients} client(s)"), &load, aim, &beside);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        report.figure(&format!("confirmed.{name}.p50-ms"), load.p50 as f64 / 1000.0);
    }
    Ok(())
}

/// Orders per second to their end: those placed in `seconds`, divided by the time until the last one is terminal.
pub(crate) async fn throughput(
    store: &mut Store,
    shop: &Shop,
    seconds: u64,
    limit: f64,
    report: &mut Report,
) -> Result<(), Failure> {
    let skus = vec!["HOT-1".to_owned()];
    sell(store, shop, &skus, 1_000_000).await?;
    let hot = Run { what: "1 hot SKU, 1 organisation", name: "one-sku", aim: 900 };
    run(store, hot, vec![(shop.clone(), skus)], seconds, limit, report).await?;

    let many: Vec<String> = (0..1_000).map(|number| format!("MANY-{number:04}")).collect();
    sell(store, shop, &many, 1_000_000).await?;
    let one = Run { what: "1,000 SKUs, 1 organisation", name: "one-organisation", aim: 900 };
    run(store, one, vec![(shop.clone(), many)], seconds, limit, report).await?;

    report.progress("opening 200 organisations");
    let mut shops = Vec::with_capacity(200);
    for number in 0..200 {
        let shop = Shop::open(store, &format!("bench-{number}")).await;
        let skus: Vec<String> = (0..5).map(|sku| format!("SHOP-{number}-{sku}")).collect();
        sell(store, &shop, &skus, 1_000_000).await?;
        shops.push((shop, skus));
    }
    let all = Run { what: "1,000 SKUs, 200 organisations", name: "200-organisations", aim: 800 };
    run(store, all, shops, seconds, limit, report).await
}

/// A measurement of orders to their end.
struct Run {
    what: &'static str,
    /// As its figures are called.
    name: &'static str,
    aim: u32,
}

async fn run(
    store: &mut Store,
    Run { what, name, aim }: Run,
    shops: Vec<(Shop, Vec<String>)>,
    seconds: u64,
    limit: f64,
    report: &mut Report,
) -> Result<(), Failure> {
    let client = store.superuser().await;
    let count =
        "select count(*) filter (where status = 'pending'), count(*) filter (where status = 'confirmed'), count(*)
                 from \"order\".orders";
    let before = client.query_one(count, &[]).await?;
    let (confirmed, placed): (i64, i64) = (before.get(1), before.get(2));
    let shares = Shares::begin(store);
    let started = Instant::now();
    let load = closed_loop(&gateway(store), 48, Duration::from_secs(seconds), &[202], move |number| {
        let number = usize::try_from(number).unwrap_or(0);
        let (shop, skus) = &shops[number % shops.len()];
        post(&format!("/store/v1/{}/orders", shop.slug), "", &order(&skus[(number / shops.len()) % skus.len()]))
    })
    .await?;
    let placing = started.elapsed();
    let after = loop {
        let row = client.query_one(count, &[]).await?;
        if row.get::<_, i64>(0) == 0 {
            break row;
        }
        if started.elapsed() > placing + Duration::from_secs(300) {
            return Err(format!("{} orders never end", row.get::<_, i64>(0)).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (ended, all) = (after.get::<_, i64>(1) - confirmed, after.get::<_, i64>(2) - placed);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = all as f64 / started.elapsed().as_secs_f64();
    let lag = started.elapsed().saturating_sub(placing);
    let refused = if load.failed == 0 && ended == all {
        String::new()
    } else {
        format!(" **{} refused or shed, {} not confirmed**", load.failed, all - ended)
    };
    report.line(&format!(
        "| orders to terminal: {what}{refused} | {per_second:.0} | {} | {} | {aim} | {all} orders in {:.0} s, the last one {:.1} s \
         after placing ended; {:.0} % of pgbench's placing; {} |",
        milliseconds(load.p50),
        milliseconds(load.p99),
        started.elapsed().as_secs_f64(),
        lag.as_secs_f64(),
        per_second / limit.max(1.0) * 100.0,
        shares.end(store),
    ));
    report.figure(&format!("orders.{name}.per-second"), per_second);
    report.figure(&format!("orders.{name}.last-after-seconds"), lag.as_secs_f64());
    if name == "one-organisation" {
        report.figure("orders.placing.of-limit", per_second / limit.max(1.0));
    }
    Ok(())
}
