//! Orders that live in any way that comes to anybody's mind, while everything that was ever said comes again out of order: placed, paid,
//! added to, packed, sent in parts, cancelled in parts, held, expired, returned, refunded. Whatever was done, the store is sound.

use std::time::Duration;

use contracts::catalog::{Expired, ReservationEvent};
use e2e::{Clerks, Shop, Shoppers, alone, invariants, redeliver, repeat_all};

use crate::WISHES;
use crate::saga::answer;

/// The steps that the storm must have seen, each many times: without them it would prove less than it says.
const STEPS: [&str; 12] = [
    "edit",
    "add",
    "pack",
    "ship",
    "deliver",
    "cancel",
    "cancel-lines",
    "hold",
    "release",
    "payments",
    "returns",
    "refunds",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_with_orders_at_once_the_store_is_sound_afterwards() {
    const SEED: u64 = 20_261_128;
    let store = alone(&WISHES).await;
    let (one, other) = (Shop::open(&store, "storm-one").await, Shop::open(&store, "storm-other").await);
    for shop in [&one, &other] {
        shop.sell(&store, &[("FEW", 100, 30), ("S1", 100, 10_000), ("S2", 200, 10_000)]).await;
    }
    let client = store.superuser().await;
    let shoppers = Shoppers::start(&store, &[&one, &other], &["FEW", "S1", "S2"], 3, Duration::from_millis(400));
    let clerks = Clerks::start(&store, &[&one, &other], 5);
    shoppers.have_ordered(20).await;
    clerks.have_done(150).await;
    redeliver(&store, 1, SEED).await;
    // Catalog takes back what it had reserved for an order, whatever has become of it by now.
    for shop in [&one, &other] {
        let placed = shop.place(&[("S1", 2)]).await;
        // A clerk may do anything with it before it is looked at.
        shop.leaves(placed.order, "pending").await;
        answer(&store, shop, &ReservationEvent::Expired(Expired { order: placed.order })).await;
    }
    clerks.have_done(300).await;
    let levels = invariants::levels(&client).await;
    assert!(levels.is_empty(), "in the middle of it: {levels:?}");
    let (tally, deeds) = (shoppers.finish().await, clerks.finish().await);
    println!("shoppers: {}; clerks did {:?} and were refused {:?}", tally.summary(), deeds.done, deeds.refused);
    assert!(tally.lost.is_empty() && deeds.wrong.is_empty(), "{:?}, {:?}", tally.lost, deeds.wrong);
    let unseen: Vec<_> = STEPS.iter().filter(|step| !deeds.done.contains_key(*step)).collect();
    assert!(unseen.is_empty(), "nobody did {unseen:?}");
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
}
