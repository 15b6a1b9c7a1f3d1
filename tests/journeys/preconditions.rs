//! `If-Match` and `If-None-Match` as RFC 9110 means them: an ETag is its bytes, a list is any of its members.

use e2e::{Shop, together};
use reqwest::Method;
use serde_json::json;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_only_to_a_version_whose_etag_was_sent_to_the_byte() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "matching").await;
    shop.sell(&store, &[("MATCHED", 100, 5)]).await;
    let product = shop.product("matched").await["id"].as_str().unwrap().to_owned();
    let category = shop.category("matched", None).await;
    for (path, name) in
        [(format!("/admin/v1/products/{product}"), "title"), (format!("/admin/v1/categories/{category}"), "name")]
    {
        let change = async |etags: &str, text: &str| {
            shop.owner.clone().with("if-match", etags).patch(&path, &json!({ name: text })).await
        };
        for (version, text) in [(1, "one"), (2, "two")] {
            let (status, changed) = change(&format!("\"{version}\""), text).await;
            assert_eq!((status, &changed["version"]), (200, &json!(version + 1)), "{path}: {changed}");
        }
        for etags in ["\"03\"", "\"+3\"", "W/\"3\"", "\"2\"", "\"1\", \"2\"", "\"\"", "\"three\""] {
            let (status, problem) = change(etags, "lost").await;
            assert_eq!((status, &problem["type"]), (412, &json!("/problems/stale")), "{path} {etags}: {problem}");
            assert_eq!(problem["current_version"], 3, "{path} {etags}");
        }
        for etags in ["3", "\"3", "*, \"3\"", "\"3\" \"3\""] {
            let (status, problem) = change(etags, "lost").await;
            assert_eq!((status, &problem["type"]), (400, &json!("/problems/malformed-header")), "{path} {etags}");
        }
        let (_, untouched) = shop.owner.get(&path).await;
        assert_eq!((&untouched[name], &untouched["version"]), (&json!("two"), &json!(3)));
        for (etags, version) in [("\"2\", \"3\"", 4), ("*", 5), ("W/\"4\",\"5\"", 6)] {
            let (status, changed) = change(etags, &format!("version {version}")).await;
            assert_eq!((status, &changed["version"]), (200, &json!(version)), "{path} {etags}: {changed}");
        }
    }
    let nobody = format!("/admin/v1/products/{}", kernel::ProductId::new());
    let (status, _) = shop.owner.clone().with("if-match", "*").patch(&nobody, &json!({"title": "x"})).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_product_has_an_etag_and_is_304_for_whoever_has_it() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "tagged").await;
    shop.sell(&store, &[("TAGGED", 100, 5)]).await;
    let product = shop.product("tagged").await["id"].as_str().unwrap().to_owned();
    let path = format!("/store/v1/{}/products/{product}", shop.slug);
    let read = async |known: Option<&str>| {
        let client = shop.shopper.clone();
        let client = known.map_or(client.clone(), |known| client.with("if-none-match", known));
        client.send(Method::GET, &path, None).await
    };
    let tag = async || {
        let shown = read(None).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        shown.header("etag").unwrap().to_owned()
    };
    let first = tag().await;
    for known in
        [first.clone(), format!("W/{first}"), format!("\"0\", {first}"), format!("\"0\",W/{first}"), "*".to_owned()]
    {
        let unchanged = read(Some(&known)).await;
        assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0), "{known}: {}", unchanged.text());
        assert_eq!(unchanged.header("etag"), Some(first.as_str()), "{known}");
    }
    // Its version is no tag of it: it shows more than its version counts.
    for known in ["\"1\"", "\"01\"", "\"2\"", "1"] {
        assert_eq!(read(Some(known)).await.status, 200, "{known}");
    }
    let admin = format!("/admin/v1/products/{product}");
    let change = shop.owner.clone().with("if-match", "\"1\"");
    assert_eq!(change.patch(&admin, &json!({"title": "Changed"})).await.0, 200);
    let second = tag().await;
    assert_ne!(second, first);
    assert_eq!((read(Some(&first)).await.status, read(Some(&second)).await.status), (200, 304));
}
