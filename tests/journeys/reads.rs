//! What a client reads from the shop after a write was answered.
//! The rule: it is never what was there before, whichever replica answers and whoever reads at the same time; what comes from
//! another service is a second late at most.

use std::time::{Duration, Instant};

use e2e::{Shop, Store, alone, together};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Reply, eventually};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::WISHES;

const TRIES: i64 = 200;
const SECOND: Duration = Duration::from_secs(1);

/// A product in the shop, with its names and what was read that should have been newer.
struct Watched {
    shop: Shop,
    list: String,
    id: String,
    admin: String,
    stale: Vec<String>,
}

impl Watched {
    async fn open(store: &Store, name: &str) -> Self {
        let shop = Shop::open(store, name).await;
        shop.sell(store, &[("OWN", 100, 5)]).await;
        let id = shop.product("own").await["id"].as_str().unwrap().to_owned();
        let (list, admin) = (format!("/store/v1/{}/products", shop.slug), format!("/admin/v1/products/{id}"));
        Self { shop, list, id, admin, stale: Vec::new() }
    }

    /// Others read all the time, so the cache is filled again at once, also with what was read before a write.
    fn others(&self, slugs: &[&str]) -> JoinSet<()> {
        let paths = slugs.iter().map(|slug| format!("{}/{slug}", self.list));
        let mut others = JoinSet::new();
        for path in paths.chain([format!("{}/{}", self.list, self.id), self.list.clone()]) {
            let shopper = self.shop.shopper.clone();
            others.spawn(async move {
                loop {
                    shopper.get(&path).await;
                    sleep(Duration::from_millis(2)).await;
                }
            });
        }
        others
    }

    async fn change(&self, body: Value) {
        let (status, changed) = self.shop.owner.clone().with("if-match", "*").patch(&self.admin, &body).await;
        assert_eq!(status, 200, "{changed}");
    }

    async fn count(&self, on_hand: i64) {
        let body = json!({"set": on_hand, "reason": "counted"});
        let counted = self.shop.owner.post("/admin/v1/stock/OWN/adjust", &body).await;
        assert_eq!(counted.0, 201, "{}", counted.1);
    }

    async fn at(&self, name: &str, known: Option<&str>) -> Reply {
        let shopper = self.shop.shopper.clone();
        let shopper = known.map_or(shopper.clone(), |known| shopper.with("if-none-match", known));
        let separator = if name.is_empty() { "" } else { "/" };
        shopper.send(Method::GET, &format!("{}{separator}{name}", self.list), None).await
    }

    fn expect(&mut self, is_new: bool, what: &str, seen: &Reply) {
        if !is_new {
            self.stale.push(format!("{what}: {} {}", seen.status, seen.text()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_reads_what_they_wrote_and_nothing_older() {
    let store = alone(&WISHES).await;
    let mut own = Watched::open(&store, "own-writes").await;
    let (id, slugs) = (own.id.clone(), ["own", "own-2"]);
    let mut others = own.others(&slugs);
    for cents in 101..=100 + TRIES {
        let price = json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD"});
        // Its names change as well, there and back.
        let (slug, former) = (slugs[usize::from(cents % 4 < 2)], slugs[usize::from(cents % 4 >= 2)]);
        let known = own.at(&id, None).await.header("etag").unwrap().to_owned();
        let known_list = own.at("", None).await.header("etag").unwrap().to_owned();
        own.change(json!({"slug": slug, "variants": [{"sku": "OWN", "price": price}]})).await;
        for name in [id.as_str(), slug] {
            let seen = own.at(name, Some(&known)).await;
            let is_new = seen.status == 200 && seen.json()["variants"][0]["price"] == price;
            own.expect(is_new, &format!("{cents} as {name}"), &seen);
        }
        let moved = own.at(former, None).await;
        let target = format!("{}/{slug}", own.list);
        let is_new = moved.status == 308 && moved.header("location") == Some(&target);
        own.expect(is_new, &format!("{cents} by its former name {former}"), &moved);
        let page = own.at("", Some(&known_list)).await;
        let is_new = page.status == 200 && page.json()["items"][0]["price_from"] == price;
        own.expect(is_new, &format!("{cents} in the list"), &page);
        for (left, shown) in [(0, "sold-out"), (5, "in-stock")] {
            own.count(left).await;
            let seen = own.at(&id, None).await;
            let is_new = seen.json()["variants"][0]["availability"] == shown;
            own.expect(is_new, &format!("{cents} with {left} pieces"), &seen);
        }
        let (status, retired) = own.shop.owner.post(&format!("{}/retire", own.admin), &json!(null)).await;
        assert_eq!(status, 200, "{retired}");
        for name in [id.as_str(), slug, former] {
            let gone = own.at(name, None).await;
            own.expect(gone.status == 404, &format!("{cents} as {name} after it was retired"), &gone);
        }
        let page = own.at("", None).await;
        own.expect(page.json()["items"] == json!([]), &format!("{cents} in the list after it was retired"), &page);
        assert_eq!(own.shop.owner.post(&format!("{}/restore", own.admin), &json!(null)).await.0, 200);
        own.change(json!({"status": "active"})).await;
    }
    assert!(others.try_join_next().is_none(), "the others stopped reading");
    others.shutdown().await;
    assert!(own.stale.is_empty(), "{} of {TRIES} tries read something older: {:#?}", own.stale.len(), own.stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_category_that_moves_are_right_within_a_second() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "moved-pages").await;
    let (home, garden) = (shop.category("home", None).await, shop.category("garden", None).await);
    let lights = shop.category("lights", Some(&home)).await;
    let line = json!({"slug": "lamp", "title": "Lamp", "category": "lights", "variants": [
        {"sku": "LAMP", "price": {"amount": "1.00", "currency": "USD"}, "stock": 1}
    ]});
    // The catalog hears of the category in its own time.
    eventually(SECOND * 40, async || {
        let (rows, summary) = shop.import(&format!("{line}\n")).await;
        if summary["failed"] == 0 { Ok(()) } else { Err(rows) }
    })
    .await;
    let found = async |category: &str| {
        let path = format!("/store/v1/{}/products?where=category_tree:has_any:{category}", shop.slug);
        let (status, page) = shop.shopper.get(&path).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().map_or(0, Vec::len)
    };
    let mut took = Vec::new();
    for (parent, other) in [(&garden, &home), (&home, &garden), (&garden, &home), (&home, &garden), (&garden, &home)] {
        let moved = shop.owner.post(&format!("/admin/v1/categories/{lights}/move"), &json!({"parent": parent})).await;
        assert_eq!(moved.0, 200, "{}", moved.1);
        let answered = Instant::now();
        while (found(parent).await, found(other).await) != (1, 0) {
            assert!(answered.elapsed() < SECOND * 40, "the pages never followed");
            sleep(Duration::from_millis(5)).await;
        }
        took.push(answered.elapsed());
    }
    took.sort();
    println!("the cached pages followed a moved category after {took:?}");
    // Through the gateway the slugs are one segment; where it was before leads to where it is.
    let at = async |slugs: &str| {
        let path = format!("/store/v1/{}/categories/{slugs}", shop.slug);
        shop.shopper.send(Method::GET, &path, None).await
    };
    let (now, before) = (at("garden%2Flights").await, at("home%2Flights").await);
    assert_eq!((now.status, &now.json()["id"]), (200, &json!(lights)), "{}", now.text());
    let leads_there = before.header("location").is_some_and(|target| target.ends_with("/categories/garden%2Flights"));
    assert!(before.status == 308 && leads_there, "{} {:?}", before.status, before.header("location"));
    // The median: what else the machine does may slow down two of them.
    assert!(took[2] < SECOND, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cached_product_is_sold_out_within_a_second_of_the_order_that_took_the_last_piece() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "last-piece").await;
    shop.sell(&store, &[("LAST", 100, 1)]).await;
    let path = format!("/store/v1/{}/products/{}", shop.slug, shop.product("last").await["id"].as_str().unwrap());
    let shown = async || shop.shopper.get(&path).await.1["variants"][0]["availability"].clone();
    let mut took = Vec::new();
    for pieces in [1, 2, 3] {
        let counted =
            shop.owner.post("/admin/v1/stock/LAST/adjust", &json!({"set": pieces, "reason": "counted"})).await;
        assert_eq!((counted.0, shown().await), (201, json!("in-stock")), "{}", counted.1);
        let order = json!({"lines": [{"sku": "LAST", "quantity": 1}]});
        let path = format!("/store/v1/{}/orders", shop.slug);
        let reply = shop.shopper.clone().with("prefer", "wait=10").post(&path, &order).await;
        assert_eq!((reply.0, &reply.1["status"]), (201, &json!("confirmed")), "{}", reply.1);
        let answered = Instant::now();
        while shown().await != "sold-out" {
            assert!(answered.elapsed() < SECOND * 40, "the page never followed");
            sleep(Duration::from_millis(5)).await;
        }
        took.push(answered.elapsed());
    }
    took.sort();
    println!("the cached product was sold out {took:?} after the order was confirmed");
    assert!(took[1] < SECOND, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hit_rate_of_the_shops_cache_is_counted() {
    const READS: u64 = 200;
    let store = alone(&WISHES).await;
    let own = Watched::open(&store, "hit-rate").await;
    let counted = async |outcome: &str| {
        store.counted("catalog", &format!("cache_reads_total{{cache=\"catalog\",outcome=\"{outcome}\"}}")).await
    };
    let before = (counted("hit").await, counted("miss").await);
    for _ in 0..READS {
        assert_eq!(own.at(&own.id, None).await.status, 200);
    }
    let (hits, misses) = (counted("hit").await - before.0, counted("miss").await - before.1);
    println!("{hits} hits and {misses} misses of {READS} reads");
    // A busy machine may miss Redis' 20 ms now and then.
    assert!(hits >= READS * 9 / 10 && hits + misses <= READS, "{hits} hits and {misses} misses of {READS} reads");
}
