//! Stock by its address: every SKU that can be created has one, and so has every variant.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use testkit::problem_fields;

use crate::world::{World, price, product};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sku_that_can_be_created_is_reachable_by_its_address_and_by_the_id_of_its_variant() {
    let world = World::quiet().await;
    let skus = ["AB/1", "A\\B", "/a//b/", "a%2Fb", "100%", "a?b#c", "{\"}", ";x=1", "+", "~", ".a", "a..", "var_1"];
    for (number, sku) in skus.into_iter().enumerate() {
        let created = world.create(&format!("p-{number}"), &[(sku, 100, 4)]).await;
        let variant = created["variants"][0]["id"].as_str().unwrap();
        for address in [utf8_percent_encode(sku, NON_ALPHANUMERIC).to_string(), variant.to_owned()] {
            let path = format!("/admin/v1/stock/{address}");
            let (status, found) = world.owner().get(&path).await;
            assert_eq!(
                (status, &found["sku"], &found["variant"]),
                (200, &json!(sku), &json!(variant)),
                "{path}: {found}"
            );
            let adjusted = world.owner().post_reply(&format!("{path}/adjust"), &json!({"delta": 1})).await;
            assert_eq!(adjusted.status, 201, "{path}: {}", adjusted.text());
            let (status, ledger) = world.owner().get(adjusted.header("location").unwrap()).await;
            assert_eq!((status, &ledger["items"][0]["on_hand"]), (200, &json!(1)), "{path}: {ledger}");
            let (status, same) = world.owner().get(&format!("{path}/movements")).await;
            assert_eq!((status, same), (200, ledger), "{path}");
        }
        assert_eq!(world.owner().get(&format!("/admin/v1/stock/{variant}")).await.1["on_hand"], 6, "{sku}");
    }
    let nobody = kernel::VariantId::new();
    let (status, problem) = world.owner().get(&format!("/admin/v1/stock/{nobody}")).await;
    assert_eq!(status, 404, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&nobody.to_string()), "{problem}");
    assert_eq!(world.owner().get(&format!("/admin/v1/stock/{nobody}/movements")).await.1["items"], json!([]));
    assert_eq!(world.owner().post(&format!("/admin/v1/stock/{nobody}/adjust"), &json!({"delta": 1})).await.0, 404);
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_that_no_address_can_hold_is_refused_wherever_it_comes_from() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 100, 1)]).await;
    let path = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    let variant = lamp["variants"][0]["id"].as_str().unwrap();
    for sku in [".", "..", "...", "a/../b", "..\\b", "./a", "a/.", variant] {
        let (status, problem) = world.owner().post("/admin/v1/products", &product("desk", &[(sku, 1, 0)])).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["variants"]), "{sku}: {problem}");
        assert!(problem.to_string().contains("address"), "{problem}");
        let added = json!({"variants": [{"sku": sku, "title": "x", "price": price(100)}]});
        let (status, problem) = world.owner().with("if-match", "\"1\"").patch(&path, &added).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["variants"]), "{sku}: {problem}");
        for row in ["desk", "lamp"] {
            let variants = json!([{"sku": sku, "price": price(100)}]);
            let row = json!({"slug": row, "title": "Row", "variants": variants}).to_string();
            let (lines, _) = world.import("application/x-ndjson", &row).await;
            assert_eq!(lines[0]["result"], "failed", "{sku}: {lines:?}");
            assert!(lines[0]["errors"][0]["reason"].as_str().unwrap().contains("address"), "{sku}: {lines:?}");
        }
    }
    assert_eq!(world.value("select count(*) from variants").await, "1");
    // One from before there was this rule can still be sold, changed and imported.
    world.execute("update variants set sku = '..'; update stock set sku = '..'").await;
    let dearer = json!({"variants": [{"sku": "..", "price": price(200)}]});
    let (status, changed) = world.owner().with("if-match", "\"1\"").patch(&path, &dearer).await;
    assert_eq!((status, &changed["variants"][0]["sku"]), (200, &json!("..")), "{changed}");
    assert_eq!(world.owner().get(&format!("/admin/v1/stock/{variant}")).await.1["sku"], "..");
    world.stop().await;
}
