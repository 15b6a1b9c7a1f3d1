//! What a client reads from the shop after its own write was answered.
//! The rule: it is never what was there before, whichever replica answers and whoever reads at the same time.

use std::time::Duration;

use e2e::{Shop, alone};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::WISHES;

const TRIES: i64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_reads_what_they_wrote_and_nothing_older() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "own-writes").await;
    shop.sell(&store, &[("OWN", 100, 5)]).await;
    let product = shop.product("own").await["id"].as_str().unwrap().to_owned();
    let admin = format!("/admin/v1/products/{product}");
    let list = format!("/store/v1/{}/products", shop.slug);
    let path = format!("{list}/{product}");
    // Others read all the time, so the cache is filled again at once, also with what was read before a write.
    let mut others = JoinSet::new();
    for path in [&path, &list, &path] {
        let (shopper, path) = (shop.shopper.clone(), path.clone());
        others.spawn(async move {
            loop {
                shopper.get(&path).await;
                sleep(Duration::from_millis(2)).await;
            }
        });
    }
    let change = async |body: Value| {
        let (status, changed) = shop.owner.clone().with("if-match", "*").patch(&admin, &body).await;
        assert_eq!(status, 200, "{changed}");
        changed["version"].as_i64().unwrap()
    };
    let mut stale = Vec::new();
    for cents in 101..=100 + TRIES {
        let price = json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD"});
        let version = change(json!({"variants": [{"sku": "OWN", "price": price}]})).await;
        let former = format!("\"{}\"", version - 1);
        let seen = shop.shopper.clone().with("if-none-match", &former).send(Method::GET, &path, None).await;
        if seen.status != 200 || seen.json()["variants"][0]["price"] != price {
            stale.push(format!("{cents}: {} {}", seen.status, seen.text()));
        }
        let (_, page) = shop.shopper.get(&list).await;
        if page["items"][0]["price_from"] != price {
            stale.push(format!("{cents} in the list: {page}"));
        }
        if cents % 20 == 0 {
            let (status, retired) = shop.owner.post(&format!("{admin}/retire"), &json!(null)).await;
            assert_eq!(status, 200, "{retired}");
            let (status, gone) = shop.shopper.get(&path).await;
            if status != 404 || shop.shopper.get(&list).await.1["items"] != json!([]) {
                stale.push(format!("{cents} after it was retired: {gone}"));
            }
            assert_eq!(shop.owner.post(&format!("{admin}/restore"), &json!(null)).await.0, 200);
            change(json!({"status": "active"})).await;
        }
    }
    assert!(others.try_join_next().is_none(), "the others stopped reading");
    others.shutdown().await;
    assert!(stale.is_empty(), "{} of {TRIES} tries read something older: {stale:#?}", stale.len());
}
