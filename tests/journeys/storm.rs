//! Orders that live in any way that comes to anybody's mind, while everything that was ever said comes again out of order and time flies:
//! placed, paid, added to, packed, sent in parts, cancelled in parts, held, expired, returned, refunded. Whatever was done, the store is
//! sound, and nobody was shown what belongs to somebody else.

use std::time::Duration;

use contracts::catalog::{Expired, ReservationEvent};
use e2e::{Clerks, Haste, Readers, Shop, Shoppers, alone, invariants, redeliver, repeat_all};

use crate::WISHES;
use crate::saga::answer;

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
    let readers = Readers::start(&store, &[&one, &other]);
    let haste = Haste::start(&store, &[&one, &other]).await;
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
    for _ in 0..6 {
        clerks.have_done(50).await;
        let levels = invariants::levels(&client).await;
        assert!(levels.is_empty(), "in the middle of it: {levels:?}");
    }
    clerks.have_done_everything().await;
    let swept = haste.finish().await;
    let levels = invariants::levels(&client).await;
    assert!(levels.is_empty(), "in the middle of it: {levels:?}");
    let (tally, deeds, shown) = (shoppers.finish().await, clerks.finish().await, readers.finish().await);
    println!("shoppers: {}; clerks did {:?} and were refused {:?}", tally.summary(), deeds.done, deeds.refused);
    assert!(tally.lost.is_empty() && deeds.wrong.is_empty(), "{:?}, {:?}", tally.lost, deeds.wrong);
    println!("swept {swept:?}; read {:?}", shown.replies);
    assert!(shown.wrong.is_empty(), "{:?}", shown.wrong);
    for what in ["list", "query", "order", "timeline", "stream", "products", "shop"] {
        assert!(
            shown.replies.get(what).is_some_and(|times| *times > 1),
            "hardly anybody read {what}: {:?}",
            shown.replies
        );
    }
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
    let foreign = invariants::foreign(&store, &shown).await;
    assert!(foreign.is_empty(), "{foreign:?}");
}
