//! The broker away: orders are accepted into the outbox, and end as they should when it is back.

use std::time::{Duration, Instant};

use e2e::{Shop, Shoppers, alone, invariants, repeat_all};

use crate::WISHES;

/// How long there is no broker; its start comes on top.
const AWAY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_accepted_while_kafka_is_dead_end_as_all_others() {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "broker").await;
    let goods = [("FEW", 1_000, 60), ("K1", 100, 100_000), ("K2", 200, 100_000), ("K3", 300, 100_000)];
    shop.sell(&store, &goods).await;
    let skus = goods.map(|(sku, ..)| sku);
    let shoppers = Shoppers::start(&store, &[&shop], &skus, 4, Duration::from_millis(100));
    shoppers.have_ordered(40).await;
    store.servers.as_mut().unwrap().kafka.server.kill().await;
    let dead = Instant::now();
    let before = shoppers.accepted();
    tokio::time::sleep(AWAY.saturating_sub(dead.elapsed())).await;
    let accepted = shoppers.accepted() - before;
    assert!(accepted > 50, "only {accepted} orders were accepted without a broker");
    store.servers.as_mut().unwrap().kafka.server.restart().await.unwrap();
    let back = Instant::now();
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
