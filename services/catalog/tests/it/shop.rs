//! The public shop: what shoppers see, from the cache and without it.

use contracts::catalog::ProductState;
use kernel::ProductId;
use serde_json::{Value, json};
use testkit::{Caller, Topics, eventually};

use crate::world::{PATIENCE, World, price};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shoppers_see_what_is_active_and_a_change_as_soon_as_its_event_is_back() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP-B", 1_250, 4), ("LAMP-W", 1_100, 0)]).await;
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let path = format!("{shop}/{}", lamp["id"].as_str().unwrap());
    let shopper = world.client(Caller::Anonymous);
    let (status, seen) = shopper.get(&path).await;
    assert_eq!((status, &seen["title"], seen["variants"].as_array().unwrap().len()), (200, &json!("Product lamp"), 2));
    assert!(seen.get("status").is_none() && seen["variants"][0].get("active").is_none(), "{seen}");
    let (_, page) = shopper.get(&shop).await;
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["price_from"]), (&lamp["id"], &price(1_100)));

    let admin = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    let change = json!({"title": "Bright", "variants": [{"sku": "LAMP-W", "active": false}]});
    assert_eq!(world.owner().with("if-match", "\"1\"").patch(&admin, &change).await.0, 200);
    let seen = eventually(PATIENCE, async || {
        let seen = shopper.get(&path).await.1;
        if seen["title"] == "Bright" { Ok(seen) } else { Err(seen) }
    })
    .await;
    assert_eq!(seen["variants"].as_array().unwrap().len(), 1, "{seen}");
    eventually(PATIENCE, async || {
        let page = shopper.get(&shop).await.1;
        if page["items"][0]["price_from"] == price(1_250) { Ok(()) } else { Err(page) }
    })
    .await;

    assert_eq!(world.owner().post(&format!("{admin}/retire"), &json!({})).await.0, 200);
    eventually(PATIENCE, async || shopper.get(&path).await.0 == 404).await;
    eventually(PATIENCE, async || shopper.get(&shop).await.1["items"] == json!([])).await;
    let elsewhere = format!("/store/v1/{}/products/{}", world.scene.other_slug(), lamp["id"].as_str().unwrap());
    assert_eq!(shopper.get(&elsewhere).await.0, 404);
    assert_eq!(shopper.get(&format!("{shop}/{}", ProductId::new())).await.0, 404);
    assert_eq!(shopper.get("/store/v1/nobody/products").await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_none_of_whose_variants_is_sold_stands_in_no_shop() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP-B", 1_250, 4), ("LAMP-W", 1_100, 0)]).await;
    world.create("torch", &[("TORCH", 900, 1)]).await;
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let shopper = world.client(Caller::Anonymous);
    let admin = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    for (sold, status, expected) in [(false, 404, json!(["torch"])), (true, 200, json!(["lamp", "torch"]))] {
        let variants = ["LAMP-B", "LAMP-W"].map(|sku| json!({"sku": sku, "active": sold}));
        let change = json!({"variants": variants});
        assert_eq!(world.owner().with("if-match", "*").patch(&admin, &change).await.0, 200);
        for name in [lamp["id"].as_str().unwrap(), "lamp"] {
            assert_eq!(shopper.get(&format!("{shop}/{name}")).await.0, status, "{name}");
        }
        for list in [&shop, &format!("{shop}?q=product&sort=title&facets=availability")] {
            let (_, page) = shopper.get(list).await;
            let slugs: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect();
            assert_eq!(json!(slugs), expected, "{page}");
        }
        // Staff sees it all the same.
        assert_eq!(world.owner().get("/admin/v1/products?q=lamp").await.1["items"].as_array().unwrap().len(), 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_shows_what_is_listed_in_it_and_staff_finds_where_a_product_is_sold() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    world.create("torch", &[("TORCH", 900, 1)]).await;
    assert_eq!(lamp["channels"], json!(null), "sold in every channel unless somebody says otherwise");
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let shopper = world.client(Caller::Anonymous);
    let admin = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    let slugs = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
    };
    for (version, channels) in [json!(["market"]), json!(["market", "shop"]), json!([]), json!(null)].iter().enumerate()
    {
        let shown = channels.as_array().is_none_or(|channels| channels.contains(&json!("shop")));
        let (status, changed) = world.owner().with("if-match", "*").patch(&admin, &json!({"channels": channels})).await;
        assert_eq!(
            (status, &changed["channels"], &changed["version"]),
            (200, channels, &json!(version + 2)),
            "{changed}"
        );
        for name in [lamp["id"].as_str().unwrap(), "lamp"] {
            assert_eq!(
                shopper.get(&format!("{shop}/{name}")).await.0,
                if shown { 200 } else { 404 },
                "{name} {channels}"
            );
        }
        let expected: &[&str] = if shown { &["lamp", "torch"] } else { &["torch"] };
        // The first of them is kept, the others are not.
        for list in [shop.clone(), format!("{shop}?q=product&sort=title&facets=currency&total=estimated")] {
            let (_, page) = shopper.get(&list).await;
            assert_eq!(slugs(&page), expected, "{channels}: {page}");
            if !page["total"].is_null() {
                assert_eq!(page["total"]["items"], expected.len(), "{page}");
                assert_eq!(page["facets"]["currency"][0]["count"], expected.len(), "{page}");
            }
        }
        let stored = channels.as_array().map_or(vec!["*".to_owned()], |channels| {
            channels.iter().map(|channel| channel.as_str().unwrap().to_owned()).collect()
        });
        let (_, found) =
            world.owner().get("/admin/v1/products?where=slug:eq:lamp&fields=channels&facets=channels").await;
        assert_eq!(found["items"][0]["channels"], json!(stored), "{found}");
        // One that is listed nowhere is counted as one without a value.
        let counted = if stored.is_empty() { json!([null]) } else { json!(stored) };
        let values = found["facets"]["channels"].as_array().unwrap().iter().map(|bucket| bucket["value"].clone());
        assert_eq!(Value::from_iter(values), counted, "{found}");
        let (_, sold) = world.owner().get("/admin/v1/products?where=channels:has_any:market|*&sort=title").await;
        let is_sold = stored.iter().any(|channel| channel == "market" || channel == "*");
        assert_eq!(slugs(&sold).len(), if is_sold { 2 } else { 1 }, "{channels}: {sold}");
    }
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() == 6 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let said: Vec<_> = states
        .iter()
        .filter(|(_, state)| state.slug.as_str() == "lamp")
        .map(|(_, state)| state.channels.channels().map(std::collections::BTreeSet::len))
        .collect();
    assert_eq!(said, [None, Some(1), Some(2), Some(0), None]);
    assert_eq!(shopper.get(&format!("{shop}?where=channels:eq:market")).await.0, 422, "shoppers are not told");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_of_a_shop_s_own_categories_and_of_usual_sizes_are_kept() {
    let world = World::connected().await;
    let known = world.plant("lights", &[]).await;
    let unknown = kernel::CategoryId::new();
    for (slug, category) in [("lamp", known), ("torch", unknown)] {
        world.create(slug, &[(&slug.to_uppercase(), 100, 1)]).await;
        let id = category.uuid();
        world
            .execute(&format!(
                "update products set category_id = '{id}', category_ids = '{{{id}}}' where slug = '{slug}'"
            ))
            .await;
    }
    eventually(PATIENCE, async || world.said::<ProductState>().await.len() == 2).await;
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let shopper = world.client(Caller::Anonymous);
    let page = |condition: &str, category: kernel::CategoryId, limit: u16| {
        format!("{shop}?where={condition}{category}&limit={limit}")
    };
    let title = async |path: &str| shopper.get(path).await.1["items"][0]["title"].clone();
    // A write past the service: only what is kept does not show it.
    let shows_it = async |path: &str| {
        let before = title(path).await;
        world.execute("update products set title = title || '+'").await;
        let after = title(path).await;
        assert!(!before.is_null() && !after.is_null(), "{path}");
        before != after
    };
    for condition in ["category:eq:", "category_tree:has_any:"] {
        let kept = page(condition, known, 20);
        eventually(PATIENCE, async || if shows_it(&kept).await { Err("not kept") } else { Ok(()) }).await;
    }
    for passing in [
        page("category:eq:", known, 21),
        page("category:eq:", known, 1),
        page("category:eq:", unknown, 20),
        format!("{shop}?limit=99"),
    ] {
        // With a busy machine a fill may miss its time, so several are tried.
        for _ in 0..10 {
            assert!(shows_it(&passing).await, "{passing}");
        }
    }
    // Somebody else's category is none of this shop's.
    let other = format!("/store/v1/{}/products?where=category:eq:{known}", world.scene.other_slug());
    assert_eq!(shopper.get(&other).await.1["items"], json!([]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_forgets_a_product_whose_event_comes_from_another_replica() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let path = format!("{shop}/{}", lamp["id"].as_str().unwrap());
    let shopper = world.client(Caller::Anonymous);
    let titles = async || {
        let (product, page) = (shopper.get(&path).await.1, shopper.get(&shop).await.1);
        [product["title"].clone(), page["items"][0]["title"].clone()]
    };
    // Its own event ends nothing that is cached later.
    eventually(PATIENCE, async || world.said::<ProductState>().await.len() == 1).await;
    // What another replica does is a write to the database and a record on the topic. Until the record comes, the shop
    // shows what is cached.
    let stored = eventually(PATIENCE, async || {
        world.execute("update products set title = title || '+', version = version + 1").await;
        let stored = json!(world.value("select title from products").await);
        let seen = titles().await;
        if seen.contains(&stored) { Err(seen) } else { Ok(stored) }
    })
    .await;
    let version = world.value("select version from products").await.parse().unwrap();
    let (_, mut state) = world.said::<ProductState>().await.remove(0);
    (state.title, state.version) = (stored.as_str().unwrap().to_owned(), version);
    world.scene.publish(version, &state).await;
    eventually(PATIENCE, async || {
        let seen = titles().await;
        if seen.iter().all(|title| *title == stored) { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_the_shop_goes_on() {
    // Nobody listens on the discard port.
    let world = World::with(Topics::Off, Some("redis://127.0.0.1:9")).await;
    let lamp = world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    let path = format!("/store/v1/{}/products/{}", world.scene.slug(), lamp["id"].as_str().unwrap());
    for _ in 0..20 {
        assert_eq!(world.client(Caller::Anonymous).get(&path).await.0, 200);
    }
    world.stop().await;
}
