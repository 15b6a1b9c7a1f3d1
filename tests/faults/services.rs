//! Each service in turn, asked to stop and killed, one replica of two, under load: nothing lost, nothing twice.

use std::time::{Duration, Instant};

use devstack::process::Signal;
use e2e::{PATIENCE, Shop, Shoppers, Store, Tally, alone, distinct, invariants, repeat_all};
use serde_json::json;
use testkit::{Client, eventually};
use uuid::Uuid;

use crate::WISHES;

const SERVICES: [&str; 6] = ["gateway", "auth", "category", "catalog", "order", "notifier"];

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_asked_to_stop_under_load_loses_nothing_and_doubles_nothing() {
    under_load(Signal::SIGTERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    under_load(Signal::SIGKILL).await;
}

async fn under_load(signal: Signal) {
    let mut store = alone(&WISHES).await;
    let (one, other) = (Shop::open(&store, "load-one").await, Shop::open(&store, "load-other").await);
    let goods = [("FEW", 1_000, 80), ("S1", 100, 100_000), ("S2", 200, 100_000), ("S3", 300, 100_000)];
    for shop in [&one, &other] {
        shop.sell(&store, &goods).await;
    }
    let client = store.superuser().await;
    let skus = goods.map(|(sku, ..)| sku);
    let shoppers = Shoppers::start(&store, &[&one, &other], &skus, 4, Duration::from_millis(20));
    let mut created = Vec::new();
    for (round, service) in SERVICES.into_iter().enumerate() {
        let number = if round % 2 == 0 { 1 } else { 2 };
        shoppers.have_ordered(15).await;
        let victim = store.replica(service, number);
        match signal {
            Signal::SIGKILL => victim.kill().await,
            _ => assert!(victim.stop().await, "{service}-{number} did not stop by itself"),
        }
        // The other replica does everything meanwhile.
        shoppers.have_ordered(15).await;
        created.push(work_of_staff(&store, &one, service).await);
        let levels = invariants::levels(&client).await;
        assert!(levels.is_empty(), "without {service}-{number}: {levels:?}");
        store.start(service, number).await;
        shoppers.have_ordered(15).await;
    }
    let tally = shoppers.finish().await;
    let finished = Instant::now();
    store.settled().await;
    println!("{signal} of each service under load: {}; at rest {:.1?} later", tally.summary(), finished.elapsed());
    assert_nothing_lost(&tally);
    if signal == Signal::SIGTERM {
        // Nobody but who knocks at the stopped gateway itself notices a replica that goes in good order.
        let answers: Vec<_> = tally.failed.keys().filter(|what| what.starts_with('5')).collect();
        assert!(answers.is_empty(), "{answers:?}");
    }
    repeat_all(&store, &tally.accepted).await;
    let ends = invariants::assert_sound(&store, &tally.accepted).await;
    println!("{ends:?}");
    assert_created_once(&store, &one, &created).await;
}

fn assert_nothing_lost(tally: &Tally) {
    assert!(tally.lost.is_empty(), "{:?}", tally.lost);
    assert_eq!(distinct(&tally.accepted), tally.accepted.len(), "two keys were promised one order");
}

/// Logs in, creates a category and a product, as anybody would who repeats what was not answered. The slug of both.
async fn work_of_staff(store: &Store, shop: &Shop, while_away: &str) -> String {
    let slug = format!("without-{while_away}");
    let key = Uuid::new_v4().to_string();
    let gateways = store.gateways();
    let mut attempt = 0;
    let product = json!({"slug": slug, "title": "New", "variants": [
        {"sku": slug, "price": {"amount": "1.00", "currency": "USD"}, "stock": 1}]});
    let wishes = [
        ("/auth/v1/login", shop.credentials(), 200),
        ("/admin/v1/categories", json!({"slug": slug, "name": "New"}), 201),
        ("/admin/v1/products", product, 201),
    ];
    let mut token = String::new();
    for (path, body, wanted) in wishes {
        let reply = eventually(PATIENCE, async || {
            attempt += 1;
            let client = Client::new(
                &gateways[attempt % gateways.len()],
                Some(&token).filter(|it| !it.is_empty()).map(String::as_str),
            );
            let client = client.with("idempotency-key", &key);
            let bytes = serde_json::to_vec(&body).unwrap();
            match client.try_send(reqwest::Method::POST, path, Some(bytes)).await {
                Ok(reply) if reply.status == wanted => Ok(reply),
                Ok(reply) if reply.status == 409 || reply.status >= 500 => Err(reply.text()),
                Ok(reply) => panic!("{path} without {while_away}: {} {}", reply.status, reply.text()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        if let Some(fresh) = reply.json()["access_token"].as_str() {
            fresh.clone_into(&mut token);
        }
    }
    slug
}

async fn assert_created_once(store: &Store, shop: &Shop, slugs: &[String]) {
    let client = store.superuser().await;
    for table in ["category.categories", "catalog.categories", "catalog.products"] {
        let statement = format!(
            "select t.slug, count(*) from {table} t join auth.organisations o using (org_id)
             where o.slug = $1 and t.slug like 'without-%' group by t.slug"
        );
        let rows = client.query(&statement, &[&shop.slug]).await.unwrap();
        let found: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found.len(), slugs.len(), "{table}: {found:?}");
        assert!(found.iter().all(|(_, times)| *times == 1), "{table}: {found:?}");
    }
}
