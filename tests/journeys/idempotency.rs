//! One key, one order, the same bytes: in parallel, repeated, and when the process dies between commit and reply.

use std::collections::BTreeSet;
use std::time::Duration;

use devstack::process::Signal;
use e2e::{Accepted, PATIENCE, Placed, Shop, Shoppers, alone, invariants, order_of, repeat_all, together};
use futures::future::join_all;
use serde_json::json;
use testkit::{Client, Reply, eventually};
use uuid::Uuid;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_posts_with_one_key_are_one_order_and_one_reply() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "same-key").await;
    shop.sell(&store, &[("ONCE", 1_500, 100)]).await;
    let key = Uuid::new_v4().to_string();
    let gateways = store.gateways();
    let posts = (0..100_usize).map(|at| {
        let shopper = Client::new(&gateways[at % gateways.len()], None).with("idempotency-key", &key);
        let path = shop.orders();
        async move {
            // 409 says that the first one still runs: ask again, as its Retry-After says, only sooner.
            eventually(PATIENCE, async || {
                let reply = shopper.post_reply(&path, &order_of(&[("ONCE", 3)])).await;
                match reply.status {
                    202 => Ok(reply),
                    409 => Err(reply.text()),
                    status => panic!("{status} {}", reply.text()),
                }
            })
            .await
        }
    });
    let replies: Vec<Reply> = join_all(posts).await;
    let bodies: BTreeSet<&[u8]> = replies.iter().map(|reply| reply.bytes.as_slice()).collect();
    let locations: BTreeSet<Option<&str>> = replies.iter().map(|reply| reply.header("location")).collect();
    assert_eq!((bodies.len(), locations.len()), (1, 1), "{} bodies at {locations:?}", bodies.len());
    let fresh = replies.iter().filter(|reply| reply.header("idempotency-replayed").is_none()).count();
    assert_eq!(fresh, 1, "so many were not repeats");

    let (status, page) = shop.owner.get("/admin/v1/orders?limit=100").await;
    assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(1)), "{page}");
    let placed = Placed::of(&replies[0]);
    shop.reaches(placed.order, "confirmed").await;
    eventually(PATIENCE, async || {
        let stock = shop.stock("ONCE").await;
        if stock["held"] == 3 { Ok(()) } else { Err(stock) }
    })
    .await;

    let again = shop.shopper.clone().with("idempotency-key", &key);
    let reply = again.post_reply(&shop.orders(), &order_of(&[("ONCE", 3)])).await;
    assert_eq!(reply.bytes, replies[0].bytes, "the reply is that of then, not of now");
    let (status, problem) = again.post(&shop.orders(), &order_of(&[("ONCE", 4)])).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    let keyless = shop.shopper.clone().without_key();
    let (status, problem) = keyless.post(&shop.orders(), &order_of(&[("ONCE", 1)])).await;
    assert_eq!((status, &problem["type"]), (400, &json!("/problems/idempotency-key-missing")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_dies_between_commit_and_reply_and_every_key_still_has_one_order() {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "dying").await;
    let goods = [("A", 100, 100_000), ("B", 200, 100_000), ("C", 300, 100_000)];
    shop.sell(&store, &goods).await;
    let shoppers = Shoppers::start(&store, &[&shop], &["A", "B", "C"], 8, Duration::ZERO);
    // Both replicas at once in every third round: then no second one can answer for the first.
    for round in 0..6_u32 {
        shoppers.have_ordered(25).await;
        let victims = if round % 3 == 2 { vec![1, 2] } else { vec![1 + round % 2] };
        for number in &victims {
            store.replica("order", *number).kill().await;
        }
        for number in victims {
            store.start("order", number).await;
        }
    }
    shoppers.have_ordered(25).await;
    let tally = shoppers.finish().await;
    println!("kill -9 of order under load: {}", tally.summary());
    assert!(tally.lost.is_empty(), "{:?}", tally.lost);
    assert!(!tally.failed.is_empty() || tally.recovered > 0, "no shopper noticed anything: the test did not bite");
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_committed_and_never_answered_is_answered_when_it_is_repeated() {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "unanswered").await;
    shop.sell(&store, &[("SAID", 100, 5)]).await;
    // Nobody settles the order, so the shopper who waits for that is not answered.
    for number in [1, 2] {
        assert!(store.replica("catalog", number).stop().await, "catalog-{number} had to be killed");
    }
    let key = Uuid::new_v4().to_string();
    let shopper = shop.shopper.clone().with("idempotency-key", &key);
    let (path, request) = (shop.orders(), order_of(&[("SAID", 2)]).to_string().into_bytes());
    let (waiting, place, body) = (shopper.clone().with("prefer", "wait=30"), path.clone(), request.clone());
    let asked = tokio::spawn(async move { waiting.try_send(reqwest::Method::POST, &place, Some(body)).await });

    let client = store.superuser().await;
    let rows = "select o.id::text from \"order\".orders o join auth.organisations s using (org_id) where s.slug = $1";
    eventually(PATIENCE, async || client.query(rows, &[&shop.slug]).await.unwrap().len() == 1).await;
    // Both stand still before either dies: the gateway would ask the other one.
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        for number in [1, 2] {
            store.replica("order", number).signal(signal);
        }
    }
    if let Ok(reply) = asked.await.unwrap() {
        assert!(reply.status >= 500, "answered by nobody: {} {}", reply.status, reply.text());
    }

    for number in [1, 2] {
        store.start("order", number).await;
    }
    let reply = shopper.send(reqwest::Method::POST, &path, Some(request.clone())).await;
    assert_eq!(reply.header("idempotency-replayed"), Some("true"), "{} {}", reply.status, reply.text());
    let order = Placed::of(&reply).order;
    let accepted = [Accepted { order, key, path, request, reply: reply.bytes }];
    repeat_all(&store, &accepted).await;
    let rows: Vec<String> = client.query(rows, &[&shop.slug]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, [order.uuid().to_string()]);
    for number in [1, 2] {
        store.start("catalog", number).await;
    }
    invariants::assert_sound(&store, &accepted).await;
}
