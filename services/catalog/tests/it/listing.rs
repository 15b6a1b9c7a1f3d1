//! Lists: every product once, in order, page by page, from an index.

use catalog::queries::listing::{Listing, Sort};
use contracts::catalog::ProductStatus;
use kernel::{CategoryId, Cursor, PageSize};
use serde_json::{Value, json};

use crate::world::{World, product};

/// Products written past the program: many of them quickly.
async fn fill(world: &World, count: u32, categories: &[CategoryId]) {
    let organisation = world.scene.organisation().uuid();
    let ids: Vec<String> = categories.iter().map(|category| format!("'{}'", category.uuid())).collect();
    world
        .execute(&format!(
            "insert into products (org_id, product_id, slug, title, category_id, status, price_from_minor, currency,
                                   variant_count, version, created_at, updated_at)
             select '{organisation}', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'p-' || n,
                    'Product ' || lpad((n * 7919 % 40)::text, 3, '0'),
                    (array[{}]::uuid[])[1 + n % {}], (array['active', 'active', 'active', 'draft'])[1 + n % 4],
                    n * 31 % 50, 'USD', 1, 1, now(), now() - (n * 13 % 60) * interval '1 minute'
             from generate_series(1, {count}) n;
             analyze products;",
            ids.join(", "),
            ids.len(),
        ))
        .await;
}

async fn walk(world: &World, filter: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.owner().get(&format!("/admin/v1/products?limit=13{filter}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_show_every_product_once_and_in_order() {
    let world = World::quiet().await;
    let categories = [CategoryId::new(), CategoryId::new(), CategoryId::new()];
    fill(&world, 120, &categories).await;
    let filters = [
        (String::new(), 120),
        ("&status=active".to_owned(), 90),
        (format!("&category={}", categories[1]), 40),
        (format!("&category={}&status=draft", categories[0]), 10),
    ];
    for (filter, expected) in &filters {
        for (sort, key) in
            [("title", "title"), ("created_at", "id"), ("updated_at", "updated_at"), ("price", "price_from")]
        {
            let key = |item: &Value| match key {
                "price_from" => format!("{:>9}", item[key]["amount"].as_str().unwrap()),
                key => item[key].as_str().unwrap().to_owned(),
            };
            let sorted = |item: &Value| (key(item), item["id"].as_str().unwrap().to_owned());
            let forward = walk(&world, &format!("{filter}&sort={sort}")).await;
            let keys: Vec<_> = forward.iter().map(sorted).collect();
            assert_eq!(keys.len(), *expected, "{filter} {sort}");
            assert!(keys.is_sorted_by(|one, next| one < next), "{filter} {sort}: each once and in order");
            let mut backward = walk(&world, &format!("{filter}&sort=-{sort}")).await;
            backward.reverse();
            assert_eq!(forward, backward, "{filter} {sort} backwards");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_read_from_an_index_in_its_order() {
    let world = World::quiet().await;
    let category = CategoryId::new();
    fill(&world, 5_000, &[category, CategoryId::new(), CategoryId::new(), CategoryId::new()]).await;
    let organisation = world.scene.organisation();
    let tenant = world.scene.connect(devstack::DatabaseRole::App).await;
    tenant.batch_execute(&format!("select set_config('app.org', '{}', false)", organisation.uuid())).await.unwrap();
    // The values as a SQL prepared statement takes them, in the order in which the SELECT uses them.
    let plan = async |listing: &Listing, mark: &[String]| -> String {
        let sql = listing.sql(organisation).unwrap();
        // Behind a placeholder every page would be planned anew.
        assert!(sql.trim_end().ends_with(" LIMIT 21"), "{sql}");
        let mut values = vec![format!("'{}'", organisation.uuid())];
        values.extend(listing.category.map(|category| format!("'{}'", category.uuid())));
        values.extend(listing.status.map(|status| format!("'{}'", status.as_str())));
        values.extend_from_slice(mark);
        let mut text = sql;
        for (number, value) in values.iter().enumerate().rev() {
            text = text.replace(&format!("${}", number + 1), value);
        }
        let rows = tenant.query(&format!("explain {text}"), &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
    };
    for sort in ["title", "-title", "created_at", "-created_at", "updated_at", "-updated_at", "price", "-price"] {
        let sort: Sort = serde_json::from_value(json!(sort)).unwrap();
        for category in [None, Some(category)] {
            for status in [None, Some(ProductStatus::Active)] {
                let listing = Listing { category, status, sort, cursor: None, size: PageSize::default() };
                let text = plan(&listing, &[]).await;
                assert!(
                    text.contains("Index") && !text.contains("Seq Scan") && !text.contains("Sort"),
                    "{sort:?}\n{text}"
                );
            }
        }
    }
    // Deep in the list the scan begins at the mark: its first half stands in the index condition.
    let id = kernel::ProductId::new();
    let cursor = Cursor::encode(&json!({"sort": "title", "title": "Product 020", "id": id})).unwrap();
    let status = Some(ProductStatus::Active);
    let listing =
        Listing { category: None, status, sort: Sort::Title, cursor: Some(cursor), size: PageSize::default() };
    let title = "'Product 020'".to_owned();
    let mark = [title.clone(), title, format!("'{}'", id.uuid())];
    let text = plan(&listing, &mark).await;
    let condition = text.lines().find(|line| line.contains("Index Cond")).unwrap_or_default();
    assert!(condition.contains("title >="), "{text}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_mean_nothing_are_refused() {
    let world = World::quiet().await;
    for number in 0..3 {
        let sku = format!("SKU-{number}");
        let (status, _) =
            world.owner().post("/admin/v1/products", &product(&format!("p-{number}"), &[(&sku, 1, 0)])).await;
        assert_eq!(status, 201);
    }
    for wrong in
        ["colour=red", "sort=colour", "limit=0", "limit=101", "limit=x", "status=sold", "category=prod_1", "cursor=%25"]
    {
        let (status, problem) = world.owner().get(&format!("/admin/v1/products?{wrong}")).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
    }
    let (_, page) = world.owner().get("/admin/v1/products?limit=2").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let (status, problem) = world.owner().get(&format!("/admin/v1/products?sort=price&cursor={cursor}")).await;
    assert_eq!(status, 422, "a cursor of another sort: {problem}");
    let id = page["items"][0]["id"].clone();
    for (sort, forged) in [
        ("title", json!({"sort": "title", "title": "\u{0}", "id": id})),
        ("updated_at", json!({"sort": "updated_at", "updated": "-200000-01-01T00:00:00Z", "id": id})),
    ] {
        let cursor = Cursor::encode(&forged).unwrap();
        let (status, problem) = world.owner().get(&format!("/admin/v1/products?sort={sort}&cursor={cursor}")).await;
        assert_eq!(status, 422, "{forged}: {problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_end_at_the_longest_title() {
    let world = World::quiet().await;
    for (slug, last) in [("one", "𝟏"), ("two", "𝟐")] {
        let mut body = product(slug, &[(slug, 100, 1)]);
        body["title"] = json!(format!("{}{last}", "𝓛".repeat(199)));
        let (status, created) = world.owner().post("/admin/v1/products", &body).await;
        assert_eq!(status, 201, "{created}");
    }
    let (status, page) = world.owner().get("/admin/v1/products?limit=1").await;
    assert_eq!((status, &page["items"][0]["slug"]), (200, &json!("one")), "{page}");
    let cursor = page["next_cursor"].as_str().unwrap();
    let (status, page) = world.owner().get(&format!("/admin/v1/products?limit=1&cursor={cursor}")).await;
    assert_eq!((status, &page["items"][0]["slug"]), (200, &json!("two")), "{page}");
    world.stop().await;
}
