//! More work than connections: it is served in its order, within bounds, and the refusal says which bound was met.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use futures::FutureExt;
use persistence::{Class, Database, Error, Provenance, Tenant, Transaction, statement};
use testkit::{Scene, eventually};

use crate::MIGRATIONS;

async fn begin(database: &Database, scene: &Scene) -> Result<Transaction, Error> {
    database.begin(Tenant::new(scene.organisation()), Provenance::new("test")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_connection_is_served_in_the_order_of_coming() {
    let scene = Scene::of("order", MIGRATIONS).connections(1).build().await;
    let database = scene.database();
    let first = begin(&database, &scene).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut callers = Vec::new();
    for number in 0..40 {
        let mut waiting = Box::pin({
            let (database, served) = (database.clone(), Arc::clone(&served));
            let organisation = scene.organisation();
            async move {
                let begun = database.begin(Tenant::new(organisation), Provenance::new("test")).await.unwrap();
                served.lock().unwrap().push(number);
                begun.rollback().await.unwrap();
            }
        });
        // It is in the queue before the next one comes.
        assert!(waiting.as_mut().now_or_never().is_none());
        callers.push(waiting);
    }
    // Who goes away leaves no gap.
    drop(callers.remove(7));
    first.rollback().await.unwrap();
    futures::future::join_all(callers.into_iter().rev()).await;
    let expected: Vec<usize> = (0..40).filter(|number| *number != 7).collect();
    assert_eq!(*served.lock().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_and_a_wait_that_is_too_long_say_that_all_connections_are_busy() {
    let scene = Scene::of("order", MIGRATIONS).connections(2).build().await;
    let database = scene.database();
    let held = (begin(&database, &scene).await.unwrap(), begin(&database, &scene).await.unwrap());
    let mut queue: Vec<_> = (0..1_000).map(|_| Box::pin(begin(&database, &scene))).collect();
    for waiting in &mut queue {
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    let asked = Instant::now();
    let refused = begin(&database, &scene).await.err().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(refused.class(), Class::Transient);
    let said = refused.to_string();
    assert!(said.contains("all 2 connections (write) are busy, and 1000 callers wait for one already"), "{said}");

    // One of the queue waits for its whole time; the others leave.
    let mut waiting = queue.swap_remove(0);
    drop(queue);
    let refused = waiting.as_mut().await.err().unwrap();
    let said = refused.to_string();
    assert!(said.contains("all 2 connections (write) are busy, and none became free within 10 seconds"), "{said}");
    assert!((9..15).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
    // Reads have connections of their own.
    let read = database.begin_read(Tenant::new(scene.organisation())).await.unwrap();
    read.run(|mut read| async move { Ok::<_, Error>(statement("select 1").execute(read.connection()).await?) }.boxed())
        .await
        .unwrap();
    drop(held);
    begin(&database, &scene).await.unwrap().rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_transaction_was_cut_off_is_closed_at_once_and_one_that_ended_is_kept() {
    let scene = Scene::of("order", MIGRATIONS).connections(3).build().await;
    let (database, superuser) = (scene.database(), scene.superuser().await);
    let connections = async || -> (i64, i64) {
        let row = superuser
            .query_one(
                "select count(*), count(*) filter (where state <> 'idle') from pg_stat_activity
                 where usename = 'order_app' and datname = current_database()",
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    };
    for _ in 0..5 {
        begin(&database, &scene).await.unwrap().rollback().await.unwrap();
        begin(&database, &scene).await.unwrap().commit().await.unwrap();
    }
    assert_eq!(connections().await, (1, 0), "one after the other use one connection");
    drop(begin(&database, &scene).await.unwrap());
    eventually(Duration::from_secs(5), async || connections().await == (0, 0)).await;
    let three = (
        begin(&database, &scene).await.unwrap(),
        begin(&database, &scene).await.unwrap(),
        begin(&database, &scene).await.unwrap(),
    );
    assert_eq!(connections().await, (3, 3));
    three.0.commit().await.unwrap();
    three.1.commit().await.unwrap();
    three.2.commit().await.unwrap();
    assert_eq!(connections().await, (3, 0));
}
