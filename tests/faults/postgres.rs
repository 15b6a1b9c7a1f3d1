//! PostgreSQL killed: what was accepted was durable, and the pools find their way back by themselves.

use std::time::{Duration, Instant};

use e2e::{PATIENCE, Shop, Shoppers, alone, invariants, repeat_all};
use testkit::eventually;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_under_load_has_every_order_that_was_accepted() {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "database").await;
    shop.sell(&store, &[("FEW", 1_000, 40), ("D1", 100, 100_000), ("D2", 200, 100_000)]).await;
    let shoppers = Shoppers::start(&store, &[&shop], &["FEW", "D1", "D2"], 4, Duration::from_millis(20));
    let mut healed = Vec::new();
    for _ in 0..2 {
        shoppers.have_ordered(60).await;
        let server = &mut store.servers.as_mut().unwrap().postgres.server;
        server.kill().await;
        // Its children outlive it for a moment, and nothing new starts beside them.
        eventually(PATIENCE, async || server.restart().await).await;
        let back = Instant::now();
        shoppers.have_ordered(1).await;
        healed.push(back.elapsed());
    }
    shoppers.have_ordered(60).await;
    let tally = shoppers.finish().await;
    let finished = Instant::now();
    store.settled().await;
    println!(
        "PostgreSQL killed twice: {}; first order {healed:.1?} after it was back; at rest {:.1?} after the last",
        tally.summary(),
        finished.elapsed()
    );
    assert!(tally.lost.is_empty(), "{:?}", tally.lost);
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
}
