//! Slugs that are made from titles: a product that was sent without one is never refused for it.

use serde_json::{Value, json};

use crate::world::{World, price, product};

fn untitled(title: &str, sku: &str) -> Value {
    json!({"title": title, "variants": [{"sku": sku, "price": price(100), "stock": 1}]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_that_is_made_from_a_title_and_taken_gets_a_suffix() {
    let world = World::quiet().await;
    let titles = [
        ("Lâu", "lau"),
        ("Lầu", "lau"),
        ("Lâu", "lau"),
        ("مصباح", "msbh"),
        ("مصباح", "msbh"),
        ("Лампа", "lampa"),
        ("Лампа", "lampa"),
    ];
    let mut slugs: Vec<String> = Vec::new();
    for (number, (title, base)) in titles.into_iter().enumerate() {
        let keyed = world.owner().with("idempotency-key", &format!("key-{number}"));
        let body = untitled(title, &format!("SKU-{number}"));
        let first = keyed.post_reply("/admin/v1/products", &body).await;
        assert_eq!(first.status, 201, "{title}: {}", first.text());
        let again = keyed.post_reply("/admin/v1/products", &body).await;
        assert_eq!((again.status, again.bytes), (201, first.bytes.clone()), "a repeat gets the same bytes");
        let created = first.json();
        let slug = created["slug"].as_str().unwrap().to_owned();
        if slugs.contains(&base.to_owned()) {
            assert!(slug.starts_with(&format!("{base}-")) && slug.len() <= base.len() + 8, "{slug}");
        } else {
            assert_eq!(slug, base);
        }
        assert!(!slugs.contains(&slug), "{slug} stands twice");
        let (_, found) = world.owner().get(first.header("location").unwrap()).await;
        assert_eq!(found, created);
        slugs.push(slug);
    }
    let (status, problem) = world.owner().post("/admin/v1/products", &product("lau", &[("NEW", 1, 0)])).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-slug-taken")), "{problem}");
    assert_eq!(world.value("select count(*) from products").await, titles.len().to_string());
    let published = "select count(distinct aggregateid) from outbox where aggregatetype = 'catalog.product.v1'";
    assert_eq!(world.value(published).await, titles.len().to_string());
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_with_one_title_that_are_created_at_once_are_all_created() {
    let world = World::quiet().await;
    let owner = world.owner();
    let create = |number: usize| {
        let owner = owner.clone();
        let title = if number.is_multiple_of(2) { "Настольная лампа" } else { "x" };
        let body = untitled(&title.repeat(1 + (number % 2) * 69), &format!("SKU-{number}"));
        tokio::spawn(async move { owner.post("/admin/v1/products", &body).await })
    };
    for creation in (0..40).map(create).collect::<Vec<_>>() {
        let (status, created) = creation.await.unwrap();
        assert_eq!(status, 201, "{created}");
    }
    assert_eq!(world.value("select count(distinct slug) from products").await, "40");
    assert_eq!(world.value("select count(*) from products where slug like 'nastolnaia-lampa%'").await, "20");
    world.assert_books_agree().await;
    world.stop().await;
}
