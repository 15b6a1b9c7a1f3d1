//! Imports of products that others change at the same time: only the contested row suffers, and only from a lock that
//! nobody gives back.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use testkit::eventually;

use crate::world::{PATIENCE, World};

const NDJSON: &str = "application/x-ndjson";

/// A file of as many products, of which the last one is the product `hot` with this stock.
fn file(products: usize, stock: usize) -> String {
    let mut file = String::new();
    for number in 1..=products {
        let slug = if number == products { "hot".to_owned() } else { format!("p-{number}") };
        let price = json!({"amount": "2.00", "currency": "USD"});
        let variants = json!([{"sku": slug, "price": price, "stock": stock}]);
        writeln!(file, "{}", json!({"slug": slug, "title": format!("Round {stock}"), "variants": variants})).unwrap();
    }
    file
}

/// Changes the product again and again, two at a time, until it is told to stop. Counts the changes that were made.
fn change_all_the_time(world: &World, product: &Value) -> (Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (stop, changes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let path = format!("/admin/v1/products/{}", product["id"].as_str().unwrap());
    for changer in 0..2 {
        let (owner, path) = (world.owner(), path.clone());
        let (stop, changes) = (Arc::clone(&stop), Arc::clone(&changes));
        tokio::spawn(async move {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let version = owner.get(&path).await.1["version"].clone();
                let title = json!({"title": format!("Changed {changer} {number}")});
                let (status, _) = owner.clone().with("if-match", &format!("\"{version}\"")).patch(&path, &title).await;
                if status == 200 {
                    changes.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    (stop, changes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_is_changed_all_the_time_is_imported_with_all_others() {
    let world = World::quiet().await;
    let hot = world.create("hot", &[("hot", 100, 1)]).await;
    let (stop, changes) = change_all_the_time(&world, &hot);
    eventually(PATIENCE, async || changes.load(Ordering::Relaxed) > 3).await;
    for (round, products) in [500, 500, 1, 1, 1, 1, 1, 1, 1, 1].into_iter().enumerate() {
        let before = changes.load(Ordering::Relaxed);
        let (lines, summary) = world.import(NDJSON, &file(products, round + 2)).await;
        assert_eq!((lines.len(), &summary["failed"]), (products, &json!(0)), "{summary} {:?}", lines.last());
        assert!(summary["ended_early"].is_null(), "{summary}");
        assert_eq!(lines.last().unwrap()["result"], "updated");
        assert_eq!(world.level("hot").await.0, i64::try_from(round).unwrap() + 2);
        eventually(PATIENCE, async || changes.load(Ordering::Relaxed) > before).await;
    }
    stop.store(true, Ordering::Relaxed);
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_whose_product_stays_locked_fails_alone_and_says_why() {
    let world = World::quiet().await;
    world.create("hot", &[("hot", 100, 1)]).await;
    let superuser = world.scene.superuser().await;
    superuser.batch_execute("begin; select 1 from products where slug = 'hot' for update").await.unwrap();
    let (lines, summary) = world.import(NDJSON, &file(20, 3)).await;
    superuser.batch_execute("rollback").await.unwrap();
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(19), &json!(1)), "{summary} {lines:?}");
    assert!(summary["ended_early"].is_null(), "{summary}");
    let failed = lines.last().unwrap();
    assert_eq!((&failed["slug"], &failed["result"]), (&json!("hot"), &json!("failed")));
    let reason = failed["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("changed by others") && reason.contains("send this row again"), "{reason}");
    let (_, summary) = world.import(NDJSON, &file(20, 3)).await;
    assert_eq!((&summary["updated"], &summary["unchanged"]), (&json!(1), &json!(19)), "{summary}");
    world.assert_books_agree().await;
    world.stop().await;
}
