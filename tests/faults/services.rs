//! Each service in turn, asked to stop and killed, one replica of two, under load: nothing lost, nothing twice, nothing shown to others.
//! Where they are killed, everything that was said comes again out of order meanwhile, and Redis forgets everything, dies and comes back:
//! the verdict is the same (I10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devstack::process::Signal;
use devstack::services::SERVICES;
use e2e::{Clerks, Haste, PATIENCE, Readers, Shop, Shoppers, Store, alone, invariants, redeliver, repeat_all, usd};
use messaging::RELAY_ROUND;
use serde_json::{Value, json};
use testkit::{Client, eventually};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_asked_to_stop_under_load_loses_nothing_and_doubles_nothing() {
    under_load(Signal::SIGTERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    under_load(Signal::SIGKILL).await;
}

async fn under_load(signal: Signal) {
    const SEED: u64 = 20_261_130;
    let mut store = alone(&WISHES).await;
    let (one, other) = (Shop::open(&store, "load-one").await, Shop::open(&store, "load-other").await);
    let goods = [("FEW", 1_000, 80), ("S1", 100, 100_000), ("S2", 200, 100_000), ("S3", 300, 100_000)];
    for shop in [&one, &other] {
        shop.sell(&store, &goods).await;
    }
    let client = store.superuser().await;
    let skus = goods.map(|(sku, ..)| sku);
    let shoppers = Shoppers::start(&store, &[&one, &other], &skus, 4, Duration::from_millis(20));
    let staff = Staff::start(&store, &one);
    let clerks = Clerks::start(&store, &[&one, &other], 4);
    let readers = Readers::start(&store, &[&one, &other]);
    // Deadlines, ends of reservations and unpaid holds come due while services are away. Asked to stop, they miss no deadline of their own.
    let haste = match signal {
        Signal::SIGKILL => Some(Haste::start(&store, &[&one, &other]).await),
        _ => None,
    };
    let (told_before, mut told_on_purpose) = (told_again(&store).await, 0);
    for (round, service) in SERVICES.iter().map(|service| service.name).enumerate() {
        // Of each service the one replica is asked to stop and the other is killed.
        let number = if (round % 2 == 0) == (signal == Signal::SIGTERM) { 1 } else { 2 };
        shoppers.have_ordered(15).await;
        if signal == Signal::SIGKILL {
            unsettle_redis(&mut store, round).await;
        }
        let victim = store.replica(service, number);
        match signal {
            Signal::SIGKILL => victim.kill().await,
            _ => assert!(victim.stop().await, "{service}-{number} did not stop by itself"),
        }
        // The other replica does everything meanwhile: what staff was at, and one more.
        shoppers.have_ordered(15).await;
        staff.has_done(2).await;
        clerks.have_done(10).await;
        let levels = invariants::levels(&client).await;
        assert!(levels.is_empty(), "without {service}-{number}: {levels:?}");
        store.start(service, number).await;
        if signal == Signal::SIGKILL && round == 2 {
            let before = told_again(&store).await;
            redeliver(&store, 1, SEED).await;
            told_on_purpose = told_again(&store).await - before;
        }
        shoppers.have_ordered(15).await;
    }
    clerks.have_done_everything().await;
    let swept = match haste {
        Some(haste) => haste.finish().await,
        None => BTreeMap::new(),
    };
    let (tally, done, deeds) = (shoppers.finish().await, staff.finish().await, clerks.finish().await);
    let shown = readers.finish().await;
    let finished = Instant::now();
    store.settled().await;
    println!("{signal} of each service under load: {}; at rest {:.1?} later", tally.summary(), finished.elapsed());
    println!("staff did {} things, repeated because of {:?}", done.slugs.len(), done.failed);
    println!("clerks did {:?}, were refused {:?}, repeated because of {:?}", deeds.done, deeds.refused, deeds.failed);
    println!("read {:?}; swept {swept:?}", shown.replies);
    // A relay that ends before it has taken what it sent from the outbox sends that again, and nothing else is told twice (I9).
    let again = told_again(&store).await - told_before - told_on_purpose;
    println!("facts told again: {again} of themselves, {told_on_purpose} on purpose");
    assert!(again <= SERVICES.len() * usize::from(RELAY_ROUND), "{again} facts were told again");
    assert!(tally.lost.is_empty() && deeds.wrong.is_empty(), "{:?}, {:?}", tally.lost, deeds.wrong);
    assert!(shown.wrong.is_empty() && shown.replies["list"] > 1, "{:?}, {:?}", shown.wrong, shown.replies);
    if signal == Signal::SIGTERM {
        // Nobody but who knocks at the stopped gateway itself notices a replica that goes in good order.
        let failed = tally.failed.keys().chain(&done.failed).chain(deeds.failed.keys());
        let answers: Vec<_> = failed.filter(|what| what.starts_with('5')).collect();
        assert!(answers.is_empty(), "{answers:?}");
        let overdue = "select count(*) from \"order\".order_history h join auth.organisations s using (org_id)
                        where s.slug = any($1) and h.cause = 'deadline'";
        let overdue: i64 = client.query_one(overdue, &[&[&one.slug, &other.slug].as_slice()]).await.unwrap().get(0);
        assert_eq!(overdue, 0, "orders whose answer was lost or late");
    }
    repeat_all(&store, &tally.accepted).await;
    invariants::assert_sound(&store, &tally.accepted).await;
    let unclaimed = invariants::unclaimed(&store).await;
    assert!(unclaimed.is_empty(), "{unclaimed:?}");
    let foreign = invariants::foreign(&store, &shown).await;
    assert!(foreign.is_empty(), "{foreign:?}");
    if signal == Signal::SIGKILL {
        let forget = async || store.flush_redis().await;
        let owed = invariants::lost_with_redis(&store, &tally.accepted, forget).await;
        assert!(owed.is_empty(), "{owed:?}");
    }
    assert_done_once(&client, &one, &done.slugs).await;
}

/// How many facts have been told again so far.
async fn told_again(store: &Store) -> usize {
    invariants::repeats(store).await.values().sum()
}

/// Redis forgets everything in one round, is dead from the next one on, and is back after two more.
async fn unsettle_redis(store: &mut Store, round: usize) {
    match round {
        0 => store.flush_redis().await,
        1 => store.servers.as_mut().unwrap().redis.server.kill().await,
        3 => store.servers.as_mut().unwrap().redis.server.restart().await.unwrap(),
        _ => {}
    }
}

/// Somebody who logs in, creates a category and a product and counts its pieces, again and again, and repeats what was not
/// answered, as anybody would.
struct Staff {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    task: JoinHandle<Done>,
}

/// What was done.
#[derive(Default)]
struct Done {
    /// Names of category, product and SKU at once.
    slugs: Vec<String>,
    /// Attempts that were repeated, by what came instead of an answer.
    failed: BTreeSet<String>,
}

impl Staff {
    fn start(store: &Store, shop: &Shop) -> Staff {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&done));
        let (gateways, credentials) = (store.gateways(), shop.credentials());
        let task = tokio::spawn(async move {
            let mut done = Done::default();
            while !stopped.load(Ordering::Relaxed) {
                let slug = format!("new-{}", done.slugs.len());
                work(&gateways, &credentials, &slug, &mut done.failed).await;
                done.slugs.push(slug);
                count.fetch_add(1, Ordering::Relaxed);
                // Not so fast that there are too many logins.
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            done
        });
        Staff { stop, done, task }
    }

    /// Waits until this much more has been done.
    async fn has_done(&self, more: usize) {
        let wanted = self.done.load(Ordering::Relaxed) + more;
        eventually(PATIENCE, async || {
            assert!(!self.task.is_finished(), "staff gave up");
            self.done.load(Ordering::Relaxed) >= wanted
        })
        .await;
    }

    async fn finish(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn work(gateways: &[String], credentials: &Value, slug: &str, failed: &mut BTreeSet<String>) {
    let key = Uuid::new_v4().to_string();
    let product = json!({"slug": slug, "title": "New", "variants": [{"sku": slug, "price": usd(100), "stock": 1}]});
    let wishes = [
        ("/auth/v1/login".to_owned(), credentials.clone(), 200),
        ("/admin/v1/categories".to_owned(), json!({"slug": slug, "name": "New"}), 201),
        ("/admin/v1/products".to_owned(), product, 201),
        (format!("/admin/v1/stock/{slug}/adjust"), json!({"delta": 7}), 201),
    ];
    let mut token: Option<String> = None;
    for (path, body, wanted) in wishes {
        let (body, until) = (serde_json::to_vec(&body).unwrap(), Instant::now() + PATIENCE);
        let mut gateways = gateways.iter().cycle();
        let reply = loop {
            let client = Client::new(gateways.next().unwrap(), token.as_deref()).with("idempotency-key", &key);
            let what = match client.try_send(reqwest::Method::POST, &path, Some(body.clone())).await {
                Ok(reply) if reply.status == wanted => break reply,
                Ok(reply) if matches!(reply.status, 409 | 429 | 500..) => format!("{} {}", reply.status, reply.text()),
                Ok(reply) => panic!("{path} for {slug}: {} {}", reply.status, reply.text()),
                Err(error) if error.is_connect() => "connection refused".to_owned(),
                Err(_) => "connection lost".to_owned(),
            };
            assert!(Instant::now() < until, "{path} for {slug} was given up: {what}");
            failed.insert(what);
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        token = token.or_else(|| reply.json()["access_token"].as_str().map(ToOwned::to_owned));
    }
}

/// Everything that staff did is there, and is there once.
async fn assert_done_once(client: &tokio_postgres::Client, shop: &Shop, slugs: &[String]) {
    let wanted: BTreeMap<&str, i64> = slugs.iter().map(|slug| (slug.as_str(), 1)).collect();
    for (table, name, only) in [
        ("category.categories", "slug", "true"),
        ("catalog.categories", "slug", "true"),
        ("catalog.products", "slug", "true"),
        ("catalog.movements", "sku", "on_hand_delta = 7"),
        ("catalog.stock", "sku", "on_hand = 8"),
    ] {
        let statement = format!(
            "select t.{name}, count(*) from {table} t join auth.organisations o using (org_id)
             where o.slug = $1 and t.{name} like 'new-%' and {only} group by t.{name}"
        );
        let rows = client.query(&statement, &[&shop.slug]).await.unwrap();
        let found: BTreeMap<&str, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, wanted, "{table}");
    }
}
