//! Lists and queries of products and variants: what they find, what serves them, and what they refuse.

use catalog::queries::product_fields::{Products, ShopProducts};
use catalog::queries::variant_fields::Variants;
use kernel::CategoryId;
use persistence::Tenant;
use query::{Entity, Field, Kind, Request};
use serde_json::{Value, json};
use testkit::Caller;

use crate::world::{World, product};

/// Products and variants written past the program: many of them quickly.
async fn fill(world: &World, count: u32, categories: &[CategoryId]) {
    let organisation = world.scene.organisation().uuid();
    let ids: Vec<String> = categories.iter().map(|category| format!("'{}'", category.uuid())).collect();
    world
        .execute(&format!(
            "create temporary table filled as
             select n, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id,
                    (array['Wireless', 'Wired', 'Silent', 'Bright', 'Tiny'])[1 + n % 5] || ' ' ||
                    (array['keyboard', 'mouse', 'lamp', 'cable', 'monitor', 'stand', 'charger'])[1 + n % 7] || ' model ' ||
                    lpad((n * 7919 % 4000)::text, 4, '0') as title
             from generate_series(1, {count}) n;
             insert into products (org_id, product_id, slug, title, category_id, category_ids, tags, attributes, channels,
                                   status, price_from_minor, currency,
                                   variant_count, version, created_at, updated_at, search_text)
             select '{organisation}', id, 'p-' || n, title, (array[{ids}]::uuid[])[1 + n % {count_of_ids}],
                    array[(array[{ids}]::uuid[])[1 + n % {count_of_ids}]],
                    array['batch-' || n % 500, (array['new', 'sale', 'gift'])[1 + n % 3]],
                    jsonb_build_object('serial', n % 5000, 'colour', (array['red', 'blue', 'green'])[1 + n % 3]),
                    array[(array['*', 'own', 'market'])[1 + n % 3]],
                    (array['active', 'active', 'active', 'draft'])[1 + n % 4], n * 31 % 50000, 'USD', 1, 1, now(),
                    now() - (n * 13 % 60000) * interval '1 minute', search_text(title || ' SKU-' || lpad(n::text, 6, '0')) || chr(10) ||
                    search_text('For ' || (array['home', 'office', 'travel', 'school'])[1 + n % 4] || ' and garden, made of ' ||
                                (array['recycled steel', 'solid oak', 'brushed aluminium'])[1 + n % 3] ||
                                ', with a warranty of ' || 1 + n % 9 || ' years. Batch ' || n * 9973 % 30000)
             from filled;
             insert into variants (org_id, variant_id, product_id, position, sku, title, price_minor, currency, active)
             select '{organisation}', id, id, 0, 'SKU-' || lpad(n::text, 6, '0'), title, n * 31 % 50000, 'USD', true from filled;
             insert into stock (org_id, variant_id, sku, on_hand, updated_at)
             select '{organisation}', id, 'SKU-' || lpad(n::text, 6, '0'), n % 20, now() from filled;
             drop table filled;",
            ids = ids.join(", "),
            count_of_ids = ids.len(),
        ))
        .await;
    for table in ["products", "variants", "stock"] {
        world.execute(&format!("vacuum analyze {table}")).await;
    }
}

async fn walk(world: &World, list: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.owner().get(&format!("{list}&limit=13{cursor}")).await;
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
        ("where=status:eq:active".to_owned(), 90),
        (format!("where=category:eq:{}", categories[1]), 40),
        (format!("where=category:eq:{},status:eq:draft", categories[0]), 10),
    ];
    for (filter, expected) in &filters {
        for (sort, key) in
            [("title", "title"), ("created_at", "id"), ("updated_at", "updated_at"), ("price_from", "price_from")]
        {
            let key = |item: &Value| match key {
                "price_from" => format!("{:>9}", item[key]["amount"].as_str().unwrap()),
                key => item[key].as_str().unwrap().to_owned(),
            };
            let sorted = |item: &Value| (key(item), item["id"].as_str().unwrap().to_owned());
            let forward = walk(&world, &format!("/admin/v1/products?{filter}&sort={sort}")).await;
            let keys: Vec<_> = forward.iter().map(sorted).collect();
            assert_eq!(keys.len(), *expected, "{filter} {sort}");
            assert!(keys.is_sorted_by(|one, next| one < next), "{filter} {sort}: each once and in order");
            let mut backward = walk(&world, &format!("/admin/v1/products?{filter}&sort=-{sort}")).await;
            backward.reverse();
            assert_eq!(forward, backward, "{filter} {sort} backwards");
        }
    }
    world.stop().await;
}

/// How PostgreSQL would answer; products have the attributes that `fill` gives them.
async fn plan<E: Entity>(world: &World, request: Value) -> String {
    let request: Request<E> = serde_json::from_value(request).unwrap();
    let attribute = |code: &str, kind| {
        Field::member(format!("attributes.{code}"), kind, "r.attributes", code.to_owned(), false, code.to_owned())
    };
    let own = vec![attribute("serial", Kind::Number), attribute("colour", Kind::Text)];
    let registry = if E::OWN_FIELDS.is_some() { E::registry().with(own) } else { E::registry().clone() };
    let read = world.scene.database().begin_read(Tenant::new(world.scene.organisation())).await.unwrap();
    read.run(|mut read| Box::pin(async move { request.explain(&mut read, &registry).await })).await.unwrap()
}

/// Each is asked as the role that production uses, in an organisation with 100,000 products.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_serves_whatever_narrows_a_list_down() {
    let world = World::quiet().await;
    let categories: Vec<CategoryId> = (0..50).map(|_| CategoryId::new()).collect();
    let category = categories[7];
    fill(&world, 100_000, &categories).await;
    let (mine, root) = (world.scene.organisation().uuid(), CategoryId::new().uuid());
    world
        .execute(&format!(
            "insert into categories (org_id, category_id, slug, path, removed, version)
             select '{mine}', '{0}', 'lamps', array['{root}', '{0}']::uuid[], false, 1; analyze categories;",
            category.uuid()
        ))
        .await;
    let is = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let root = CategoryId::from_uuid(root);
    let active = is("status", "eq", json!("active"));
    let mut requests = vec![
        json!({"q": "SKU-004711"}),
        json!({"q": "4711"}),
        json!({"q": "wireless keyboard 0123"}),
        json!({"q": "monitor 1234", "sort": ["-price_from"]}),
        json!({"q": "lamp model 12", "filter": active}),
        json!({"q": "aluminium batch 12345"}),
        json!({"filter": is("title", "contains", json!("model 0815"))}),
        json!({"filter": is("title", "starts_with", json!("Tiny stand model 3"))}),
        json!({"filter": is("title", "contains", json!("Quần Đỏ 0815"))}),
        json!({"filter": is("brand", "in", json!(["HP", "LG"]))}),
        json!({"filter": is("brand", "eq", json!("HP"))}),
        json!({"filter": is("tags", "has_any", json!(["clearance"]))}),
        json!({"filter": is("tags", "has_all", json!(["batch-17", "new"]))}),
        json!({"filter": is("attributes.serial", "eq", json!(17))}),
        json!({"filter": {"and": [is("attributes.colour", "eq", json!("blue")), is("category_tree", "has_any", json!([root]))]}}),
        json!({"filter": is("slug", "eq", json!("tiny-1"))}),
        json!({"filter": is("barcode", "eq", json!("4006381333931"))}),
        json!({"filter": is("categories", "has_any", json!([category]))}),
        json!({"filter": is("id", "eq", json!("prod_00000000001r0080000000025m")), "sort": ["updated_at"]}),
        json!({"filter": is("sku", "eq", json!("SKU-000815"))}),
        json!({"filter": is("sku", "in", json!(["SKU-000815", "SKU-000816"]))}),
        json!({"filter": is("category", "eq", json!(category)), "sort": ["-updated_at"]}),
        json!({"filter": {"and": [is("category", "eq", json!(category)), active]}, "sort": ["price_from"]}),
        json!({"filter": is("category", "in", json!([category, categories[8]]))}),
        json!({"filter": is("category_tree", "has_any", json!([root]))}),
        json!({"filter": {"and": [is("category_tree", "eq", json!(root)), is("price_from", "lt", usd("9.00"))]}}),
        json!({"filter": is("price_from", "between", json!([usd("10.00"), usd("10.50")]))}),
        json!({"filter": is("updated_at", "gt", json!("2999-01-01T00:00:00Z"))}),
        json!({"filter": {"and": [is("category", "eq", json!(category)), is("price_from", "gte", usd("490.00"))]}, "sort": ["-price_from"]}),
        json!({"filter": {"or": [is("sku", "eq", json!("SKU-000815")), is("id", "eq", json!("prod_00000000001r0080000000025m"))]}}),
    ];
    for sort in ["title", "created_at", "updated_at", "price_from"] {
        for filter in [Value::Null, active.clone(), is("category", "eq", json!(category))] {
            requests.push(json!({"sort": [sort], "filter": filter}));
            requests.push(json!({"sort": [format!("-{sort}")], "filter": filter}));
        }
    }
    assert!(requests.len() > 30);
    for request in requests {
        let text = plan::<Products>(&world, request.clone()).await;
        let reads_all =
            text.lines().any(|line| line.contains("Seq Scan on products") || line.contains("Seq Scan on variants"));
        assert!(text.contains("Index") && !reads_all, "{request}\n{text}");
        // What is sorted and not narrowed down is read in the order of its index.
        let in_order = request["q"].is_null()
            && request["sort"].is_array()
            && (request["filter"].is_null() || request["filter"]["field"] == "status");
        assert!(!in_order || !text.contains("Sort"), "{request}\n{text}");
    }
    // What a filter leaves is counted from an index, each facet without its own field.
    let price = is("price_from", "between", json!([usd("20.00"), usd("90.00")]));
    let request = json!({"filter": {"and": [active, price]}, "limit": 1, "facets": [
        "brand", "category", "status", {"field": "price_from", "bands": ["25 USD", "50 USD", "75 USD"]},
    ]});
    let text = plan::<Products>(&world, request.clone()).await;
    let from_index = text.matches("Index Only Scan using products_by_facets").count();
    assert!(from_index >= 2 && !text.contains("Seq Scan on products"), "{request}\n{text}");
    // What a filter narrows down is counted by index, too, whatever is counted.
    let few = is("attributes.serial", "eq", json!(17));
    let request = json!({"filter": few, "limit": 1, "facets": ["tags", "channels", "category_tree", "attributes.colour", "status"]});
    let text = plan::<Products>(&world, request.clone()).await;
    assert!(text.contains("products_by_content") && !text.contains("Seq Scan on products"), "{request}\n{text}");
    // The shop.
    for request in [
        json!({"q": "4711"}),
        json!({"q": "wireless keyboard 0123"}),
        json!({"sort": ["title"]}),
        json!({"sort": ["-price_from"]}),
        json!({"filter": is("category", "eq", json!(category)), "sort": ["price_from"]}),
        json!({"filter": is("category_tree", "has_any", json!([root]))}),
        json!({"filter": few, "facets": ["brand", "availability", "tags"]}),
        json!({"filter": is("slug", "eq", json!("p-4711"))}),
    ] {
        let text = plan::<ShopProducts>(&world, request.clone()).await;
        let reads_all = ["products", "variants", "stock"].map(|table| text.contains(&format!("Seq Scan on {table}")));
        assert!(text.contains("Index") && reads_all == [false; 3], "{request}\n{text}");
    }
    for request in [
        json!({"filter": is("sku", "eq", json!("SKU-000815"))}),
        json!({"filter": is("sku", "in", json!(["SKU-000815", "SKU-000816"]))}),
        json!({"filter": is("product", "eq", json!("prod_00000000001r0080000000025m"))}),
        json!({"sort": ["sku"]}),
        json!({"q": "SKU-004711"}),
    ] {
        let text = plan::<Variants>(&world, request.clone()).await;
        assert!(!text.contains("Seq Scan"), "{request}\n{text}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_says_the_same_in_a_body_and_in_an_address() {
    let world = World::quiet().await;
    for (slug, sku, cents, stock) in
        [("desk-lamp", "LAMP-1", 1_000, 0), ("floor-lamp", "LAMP-2", 2_000, 5), ("chair", "CHAIR", 3_000, 7)]
    {
        world.create(slug, &[(sku, cents, stock)]).await;
    }
    let body = json!({
        "filter": {"and": [{"field": "price_from", "op": "lte", "value": {"amount": "20", "currency": "USD"}},
                           {"not": {"field": "sku", "op": "eq", "value": "LAMP-1"}}]},
        "q": "lamp", "fields": ["slug", "sku", "price_from"], "total": "exact", "facets": ["status"],
    });
    let (status, found) = world.owner().post("/admin/v1/products/query", &body).await;
    let expected = json!({
        "items": [{"slug": "floor-lamp", "sku": ["LAMP-2"], "price_from": {"amount": "20.00", "currency": "USD"}}],
        "total": {"items": 1, "exact": true},
        "facets": {"status": [{"value": "active", "count": 1}]},
    });
    assert_eq!((status, &found), (200, &expected));
    let address = "where=price_from:lte:\"20 USD\",not(sku:eq:LAMP-1)&q=lamp&fields=slug,sku,price_from&total=exact&facets=status";
    assert_eq!(world.owner().get(&format!("/admin/v1/products?{address}")).await, (200, expected));

    let (status, sold_out) =
        world.owner().get("/admin/v1/variants?where=available:lte:0&fields=sku,available,product_title").await;
    assert_eq!(
        (status, &sold_out["items"]),
        (200, &json!([{"sku": "LAMP-1", "available": 0, "product_title": "Product desk-lamp"}]))
    );
    let (status, fields) = world.owner().get("/admin/v1/products/fields").await;
    assert_eq!(status, 200);
    let price = fields["fields"].as_array().unwrap().iter().find(|field| field["name"] == "price_from").unwrap();
    assert_eq!((&price["kind"], &price["sortable"]), (&json!("price"), &json!(true)), "{price}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_finds_what_is_on_sale_and_says_nothing_else() {
    let world = World::quiet().await;
    world.create("desk-lamp", &[("LAMP-1", 1_000, 0)]).await;
    let mut draft = product("floor-lamp", &[("LAMP-2", 2_000, 5)]);
    draft["status"] = json!("draft");
    assert_eq!(world.owner().post("/admin/v1/products", &draft).await.0, 201);
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let shopper = world.client(testkit::Caller::Anonymous);
    for list in [
        "",
        "?q=lamp",
        "?where=title:contains:LAMP",
        "?where=not(slug:eq:x)",
        "?where=or(slug:eq:floor-lamp,slug:eq:desk-lamp)",
    ] {
        let (status, page) = shopper.get(&format!("{shop}{list}")).await;
        assert_eq!(
            (status, page["items"].as_array().map(Vec::len), &page["items"][0]["slug"]),
            (200, Some(1), &json!("desk-lamp")),
            "{list}: {page}"
        );
    }
    for hidden in ["where=status:eq:draft", "fields=status", "sort=updated_at", "where=available:gt:0", "facets=status"]
    {
        let (status, problem) = shopper.get(&format!("{shop}?{hidden}")).await;
        assert_eq!(status, 422, "{hidden}: {problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_means_nothing_is_refused_and_named() {
    let world = World::quiet().await;
    for number in 0..3 {
        world.create(&format!("p-{number}"), &[(&format!("SKU-{number}"), 1, 0)]).await;
    }
    for (wrong, field) in [
        ("colour=red", "colour"),
        ("sort=colour", "sort[0]"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("where=status:eq:sold", "where[1].value"),
        ("where=category:eq:prod_1", "where[1].value"),
        ("where=colour:eq:red", "where[1].field"),
        ("cursor=%25", "cursor"),
        ("cursor=AAAA", "cursor"),
    ] {
        let (status, problem) = world.owner().get(&format!("/admin/v1/products?{wrong}")).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)), "{wrong}: {problem}");
    }
    let (_, page) = world.owner().get("/admin/v1/products?limit=2").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = async |list: &str| world.owner().get(&format!("/admin/v1/{list}cursor={cursor}")).await;
    assert_eq!(next("products?").await.0, 200);
    for other in [
        "products?sort=price_from&",
        "products?where=status:eq:active&",
        "products?q=p&",
        "variants?",
        "stock/SKU-1/movements?",
    ] {
        let (status, problem) = next(other).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("cursor")), "{other}: {problem}");
    }
    let definition = json!({"code": "colour", "type": "text", "labels": {"en": "Colour"}});
    assert_eq!(world.owner().post("/admin/v1/attributes", &definition).await.0, 201);
    let (_, problem) = world.owner().get("/admin/v1/products?where=color:eq:red").await;
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("did you mean \"attributes.colour\""), "{reason}");
    let elsewhere =
        world.client(testkit::Caller::OtherOrganisation).get(&format!("/admin/v1/products?cursor={cursor}")).await;
    assert_eq!(elsewhere.0, 422, "{}", elsewhere.1);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_product_is_described_by_finds_it_behind_what_is_called_so() {
    let world = World::quiet().await;
    let definition =
        json!({"code": "material", "type": "choice", "choices": ["Gỗ sồi", "steel"], "labels": {"en": "Material"}});
    assert_eq!(world.owner().post("/admin/v1/attributes", &definition).await.0, 201);
    let mut desk = product("desk", &[("DESK", 100, 1)]);
    desk["short_description"] = json!("A reading lamp is included");
    desk["attributes"] = json!({"material": "Gỗ sồi"});
    desk["translations"] = json!({"vi": {"short_description": "Bàn làm việc"}});
    assert_eq!(world.owner().post("/admin/v1/products", &desk).await.0, 201);
    let mut lamp = product("lamp", &[("LAMP", 100, 1)]);
    lamp["title"] = json!("Big lamp");
    lamp["description"] = json!("Only the long description says chandelier.");
    assert_eq!(world.owner().post("/admin/v1/products", &lamp).await.0, 201);
    let found = async |list: &str, words: &str| {
        let (status, page) = world.owner().get(&format!("/admin/v1/{list}?q={words}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["slug"].as_str().or(item["sku"].as_str()).unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (words, slugs) in [
        ("lamp", vec!["lamp", "desk"]),
        ("reading", vec!["desk"]),
        ("go+soi", vec!["desk"]),
        ("ban+lam+viec", vec!["desk"]),
        ("chandelier", vec![]),
    ] {
        assert_eq!(found("products", words).await, slugs, "{words}");
    }
    assert_eq!(found("variants", "lamp").await, ["LAMP", "DESK"]);
    // A change of what describes it counts as well.
    let path = world.value("select product_id::text from products where slug = 'desk'").await;
    let path = format!("/admin/v1/products/{}", kernel::ProductId::from_uuid(path.parse().unwrap()));
    let change = json!({"short_description": "A chandelier is not included"});
    assert_eq!(world.owner().with("if-match", "*").patch(&path, &change).await.0, 200);
    assert_eq!(found("products", "chandelier").await, ["desk"]);
    assert!(found("products", "reading").await.is_empty());
    world.stop().await;
}

/// The database says of a stock what the shop says of it, and counts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_and_variants_are_found_and_counted_by_whether_they_can_be_had() {
    let world = World::quiet().await;
    for (slug, left, right) in [("full", 9, 0), ("few", 2, 1), ("later", 0, 0), ("none", 0, 0), ("hidden", 9, 9)] {
        let (one, other) = (format!("{slug}-1"), format!("{slug}-2"));
        world.create(slug, &[(&one, 900, left), (&other, 800, right)]).await;
    }
    world
        .execute(
            "update stock set low_threshold = 2;
             update stock set backorder_limit = 1, may_be_short = true where sku = 'later-2';
             update stock set backorder_limit = null, promised_on = '2027-01-01', may_be_short = true where sku = 'later-1';
             update variants set active = false where sku like 'hidden-%'",
        )
        .await;
    let owner = world.owner();
    let (_, page) = owner.get("/admin/v1/products?fields=slug,availability&facets=availability&sort=title").await;
    let found: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| (&item["slug"], &item["availability"])).collect();
    let expected = [
        ("few", "few-left"),
        ("full", "in-stock"),
        ("hidden", "sold-out"),
        ("later", "backorder"),
        ("none", "sold-out"),
    ];
    assert_eq!(
        found,
        expected.map(|(slug, said)| (json!(slug), json!(said))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    let counts = json!([
        {"value": "sold-out", "count": 2}, {"value": "backorder", "count": 1}, {"value": "few-left", "count": 1},
        {"value": "in-stock", "count": 1},
    ]);
    assert_eq!(page["facets"]["availability"], counts, "{page}");
    let (_, page) =
        owner.get("/admin/v1/products?where=availability:in:in-stock|few-left&fields=slug&facets=availability").await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["facets"]["availability"]), (2, &counts), "{page}");

    // Each variant as its product's page in the shop says it.
    let (_, page) = owner.get("/admin/v1/variants?fields=sku,availability,tags&limit=100").await;
    for variant in page["items"].as_array().unwrap() {
        let sku = variant["sku"].as_str().unwrap();
        let slug = sku.split('-').next().unwrap();
        if slug == "hidden" {
            continue;
        }
        let (_, product) =
            world.client(Caller::Anonymous).get(&format!("/store/v1/{}/products/{slug}", world.scene.slug())).await;
        let shown = product["variants"].as_array().unwrap().iter().find(|shown| shown["sku"] == sku).unwrap();
        assert_eq!(variant["availability"], shown["availability"], "{sku}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_whose_items_have_gone_meanwhile_leads_back_to_the_one_before() {
    let world = World::quiet().await;
    for slug in ["a", "b", "c"] {
        world.create(slug, &[(&slug.to_uppercase(), 900, 1)]).await;
    }
    let list = "/admin/v1/products?where=status:eq:active&fields=slug&sort=title&limit=2";
    let slugs =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect::<Vec<_>>();
    let (_, first) = world.owner().get(list).await;
    assert_eq!(slugs(&first), ["a", "b"]);
    let next = first["next_cursor"].as_str().unwrap();
    world.execute("update products set status = 'draft' where slug = 'c'").await;
    let (_, behind) = world.owner().get(&format!("{list}&cursor={next}")).await;
    assert!(slugs(&behind).is_empty() && behind["next_cursor"].is_null(), "{behind}");
    let back = behind["previous_cursor"].as_str().unwrap();
    let (_, again) = world.owner().get(&format!("{list}&cursor={back}")).await;
    assert_eq!(slugs(&again), ["a", "b"], "{again}");
    world.stop().await;
}
