//! The broker away: every service says so once, orders are accepted into the outbox, and end as they should when it is
//! back.

use std::time::{Duration, Instant};

use devstack::services::SERVICES;
use e2e::{PATIENCE, Shop, Shoppers, Store, alone, invariants, repeat_all};
use testkit::{Client, eventually};

use crate::WISHES;

/// How long there is no broker; its start comes on top.
const AWAY: Duration = Duration::from_secs(10);

/// What the first replica of each service tells of the broker.
struct Told {
    service: &'static str,
    internal: Client,
    log: std::path::PathBuf,
    /// What its log has said of outages and of their ends, in earlier tests too.
    said: [usize; 2],
}

impl Told {
    fn by_each(store: &mut Store) -> Vec<Self> {
        let told = SERVICES.iter().map(|service| {
            let replica = store.replica(service.name, 1);
            let log = replica.log().to_owned();
            let internal = Client::new(replica.internal_url(), None);
            Told { service: service.name, internal, said: said(&log), log }
        });
        told.collect()
    }

    /// Waits until it says in its log that the broker is away, or back, once more and no more than that, and says the same
    /// in its readiness and its figure. It is ready all the time.
    async fn says(&self, is_away: bool) {
        eventually(PATIENCE, async || {
            let ready = self.internal.try_send("GET".parse().unwrap(), "/readyz", None).await.unwrap();
            let figures = self.internal.try_send("GET".parse().unwrap(), "/metrics", None).await.unwrap().text();
            let figure = figures.lines().find_map(|line| line.strip_prefix("kafka_unreachable_seconds "));
            let seconds: f64 = figure.unwrap().parse().unwrap();
            let names_it = ready.json()["away"][0]["name"] == "kafka";
            let [warned, informed] = said(&self.log);
            let seen = (ready.status, names_it, seconds > 0.0, warned - self.said[0], informed - self.said[1]);
            let expected = (200, is_away, is_away, 1, usize::from(!is_away));
            if seen == expected { Ok(()) } else { Err((self.service, seen)) }
        })
        .await;
    }
}

/// How often a log says that the broker is away, and that it is back.
fn said(log: &std::path::Path) -> [usize; 2] {
    let log = std::fs::read_to_string(log).unwrap();
    let lines =
        |level: &str, words: &str| log.lines().filter(|line| line.contains(level) && line.contains(words)).count();
    [lines("WARN", "Kafka has not answered since"), lines("INFO", "Kafka answers again")]
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_accepted_while_kafka_is_dead_end_as_all_others() {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "broker").await;
    let goods = [("FEW", 1_000, 60), ("K1", 100, 100_000), ("K2", 200, 100_000), ("K3", 300, 100_000)];
    shop.sell(&store, &goods).await;
    let skus = goods.map(|(sku, ..)| sku);
    let shoppers = Shoppers::start(&store, &[&shop], &skus, 4, Duration::from_millis(100));
    shoppers.have_ordered(40).await;
    let told = Told::by_each(&mut store);
    store.servers.as_mut().unwrap().kafka.server.kill().await;
    let dead = Instant::now();
    let before = shoppers.accepted();
    tokio::time::sleep(AWAY.saturating_sub(dead.elapsed())).await;
    let accepted = shoppers.accepted() - before;
    assert!(accepted > 50, "only {accepted} orders were accepted without a broker");
    for one in &told {
        one.says(true).await;
    }
    store.servers.as_mut().unwrap().kafka.server.restart().await.unwrap();
    let back = Instant::now();
    for one in &told {
        one.says(false).await;
    }
    shoppers.have_ordered(40).await;
    let tally = shoppers.finish().await;
    assert!(tally.lost.is_empty(), "{:?}", tally.lost);
    store.settled().await;
    println!(
        "Kafka killed for {:.0?}: {}; at rest {:.1?} after it was back",
        back - dead,
        tally.summary(),
        back.elapsed()
    );
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
    let few = shop.stock("FEW").await;
    assert_eq!((&few["on_hand"], &few["reserved"]), (&serde_json::json!(60), &serde_json::json!(0)), "{few}");
}
