//! Creating, reading, changing and retiring products over HTTP.

use catalog::commands::create_product::CreateProduct;
use contracts::catalog::{ProductState, ProductStatus};
use kernel::{CategoryId, ProductId};
use serde_json::{Value, json};
use testkit::{Caller, eventually, problem_fields};

use crate::world::{PATIENCE, World, price, product};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_created_and_read_with_its_version_as_etag() {
    let world = World::quiet().await;
    let keyed = world.owner().with("idempotency-key", "the-key");
    let body = product("lamp", &[("LAMP-B", 1_250, 4), ("LAMP-W", 1_100, 0)]);
    let first = keyed.post_reply("/admin/v1/products", &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let created = first.json();
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    assert_eq!(first.header("location"), Some(path.as_str()));
    assert_eq!((&created["status"], &created["version"]), (&json!("active"), &json!(1)));
    assert_eq!(created["variants"][1]["sku"], "LAMP-W");
    let again = keyed.post_reply("/admin/v1/products", &body).await;
    assert_eq!((again.status, again.bytes), (201, first.bytes), "a repeat gets the same bytes");
    let (status, problem) = keyed.post("/admin/v1/products", &product("other", &[("X", 1, 0)])).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")));
    assert_eq!(world.owner().without_key().post("/admin/v1/products", &body).await.0, 400);

    let read = world.owner().send(reqwest::Method::GET, &path, None).await;
    assert_eq!((read.status, read.header("etag"), read.json()), (200, Some("\"1\""), created));
    let cached = world.owner().with("if-none-match", "\"1\"").send(reqwest::Method::GET, &path, None).await;
    assert_eq!(cached.status, 304);
    assert_eq!((world.level("LAMP-B").await, world.level("LAMP-W").await), ((4, 0, 0), (0, 0, 0)));
    world.assert_books_agree().await;
    let unknown = ProductId::new();
    assert_eq!(world.owner().get(&format!("/admin/v1/products/{unknown}")).await.0, 404);
    assert_eq!(world.owner().get("/admin/v1/products/nonsense").await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_faulty_field_is_reported_at_once() {
    let world = World::quiet().await;
    let body = json!({
        "title": "\u{7}", "slug": "Not a slug", "category": "prod_x", "description": "x".repeat(10_001),
        "variants": [{"sku": "a b", "price": {"amount": "1.234", "currency": "USD"}, "stock": -1},
                     {"sku": "B", "price": {"amount": "1,2", "currency": "usd"}, "low_threshold": -1}],
    });
    let (status, problem) = world.owner().post("/admin/v1/products", &body).await;
    let expected = [
        "category",
        "description",
        "slug",
        "title",
        "variants[0].price.amount",
        "variants[0].sku",
        "variants[0].stock",
        "variants[1].low_threshold",
        "variants[1].price.amount",
        "variants[1].price.currency",
    ];
    assert_eq!((status, problem_fields(&problem)), (422, expected.to_vec()), "{problem}");
    let mut unnamed = product("", &[("a b", 1, 0)]);
    (unnamed["title"], unnamed["slug"]) = (json!("!?"), json!(null));
    let (status, problem) = world.owner().post("/admin/v1/products", &unnamed).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["slug", "variants[0].sku"]), "{problem}");
    let twice = product("lamp", &[("A", 1, 0), ("A", 1, 0)]);
    let (status, problem) = world.owner().post("/admin/v1/products", &twice).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["variants"]), "{problem}");
    let (status, problem) = world.owner().post("/admin/v1/products", &product("lamp", &[])).await;
    assert_eq!(status, 422, "{problem}");
    let mut coloured = product("lamp", &[("A", 1, 0)]);
    coloured["colour"] = json!("red");
    let (status, problem) = world.owner().post("/admin/v1/products", &coloured).await;
    assert!(status == 422 && problem.to_string().contains("colour"), "{problem}");
    assert_eq!(world.value("select count(*) from products").await, "0", "nothing refused was created");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_title_of_any_script_becomes_the_slug_of_a_product_that_has_none() {
    let world = World::quiet().await;
    for (title, slug) in [("Đèn bàn gỗ", "den-ban-go"), ("木灯", "mu-deng"), ("Lamp, 40 cm", "lamp-40-cm")] {
        let body = json!({"title": title, "variants": [{"sku": slug, "price": price(100)}]});
        let (status, created) = world.owner().post("/admin/v1/products", &body).await;
        assert_eq!((status, &created["slug"]), (201, &json!(slug)), "{created}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_is_unique_in_its_organisation_and_the_refusal_names_it() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 100, 1)]).await;
    let (status, problem) =
        world.owner().post("/admin/v1/products", &product("desk", &[("DESK", 1, 0), ("LAMP", 1, 0)])).await;
    assert_eq!((status, &problem["type"], &problem["skus"]), (409, &json!("/problems/sku-taken"), &json!(["LAMP"])));
    assert_eq!(problem["holders"], json!([{"sku": "LAMP", "product": lamp["id"], "status": "active"}]), "{problem}");
    let holder = format!("SKU LAMP belongs to {}, which is active", lamp["id"].as_str().unwrap());
    assert!(problem["detail"].as_str().unwrap().contains(&holder), "{problem}");
    let lamp = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    assert_eq!(world.owner().post(&format!("{lamp}/retire"), &json!({})).await.0, 200);
    let (_, problem) = world.owner().post("/admin/v1/products", &product("desk", &[("LAMP", 1, 0)])).await;
    assert_eq!(problem["holders"][0]["status"], "retired", "it keeps its SKU: {problem}");
    let (status, problem) = world.owner().post("/admin/v1/products", &product("lamp", &[("LAMP-2", 1, 0)])).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-slug-taken")), "{problem}");
    assert_eq!(world.value("select count(*) || ' ' || (select count(*) from variants) from products").await, "1 1");

    let other = world.client(Caller::OtherOrganisation);
    let (status, theirs) = other.post("/admin/v1/products", &product("lamp", &[("LAMP", 1, 0)])).await;
    assert_eq!(status, 201, "{theirs}");
    let path = format!("/admin/v1/products/{}", theirs["id"].as_str().unwrap());
    assert_eq!(world.owner().get(&path).await.0, 404, "what is theirs is not there");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_with_one_sku_created_at_once_are_one_product() {
    let world = World::quiet().await;
    let owner = world.owner();
    let attempts = (0..8).map(|number| {
        let owner = owner.clone();
        tokio::spawn(async move {
            owner.post("/admin/v1/products", &product(&format!("lamp-{number}"), &[("LAMP", 100, 1)])).await.0
        })
    });
    let mut statuses = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        statuses.push(attempt.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    world.stop().await;
}

/// Sends creates that all wait for the first one's transaction, and gives what each was answered with.
async fn created_together(world: &World, bodies: Vec<(Caller, Value)>) -> Vec<(u16, Value)> {
    let superuser = world.scene.superuser().await;
    superuser.batch_execute("begin; lock table products in exclusive mode").await.unwrap();
    let post = |caller, body: Value| {
        let client = world.client(caller);
        tokio::spawn(async move { client.post("/admin/v1/products", &body).await })
    };
    let ahead = format!("ahead-{}", bodies.len());
    let ahead = post(Caller::Owner, product(&ahead, &[(&ahead, 1, 0)]));
    eventually(PATIENCE, async || {
        world.value("select count(*) from pg_locks where not granted and relation = 'products'::regclass").await == "1"
    })
    .await;
    let waiting: Vec<_> = bodies.into_iter().map(|(caller, body)| post(caller, body)).collect();
    let mediator = world.mediator();
    eventually(PATIENCE, async || mediator.waiting_in_group::<CreateProduct>() == waiting.len()).await;
    superuser.batch_execute("commit").await.unwrap();
    ahead.await.unwrap();
    let mut answers = Vec::new();
    for answer in waiting {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_created_at_once_share_a_transaction_and_each_has_its_own_answer() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 100, 1)]).await;
    let nowhere = CategoryId::new();
    let mut lost = product("lost", &[("LOST", 1, 0)]);
    lost["category"] = json!(nowhere);
    let mut bodies: Vec<(Caller, Value)> = (0..6)
        .flat_map(|number| {
            // Both organisations have the same slugs and SKUs.
            let body = product(&format!("desk-{number}"), &[(&format!("DESK-{number}"), 100, 3)]);
            [(Caller::Owner, body.clone()), (Caller::OtherOrganisation, body)]
        })
        .collect();
    bodies.push((Caller::Owner, product("lamp", &[("LAMP-2", 1, 0)])));
    bodies.push((Caller::Owner, lost));
    bodies.extend([1, 2].map(|number| (Caller::Owner, product("twin", &[(&format!("TWIN-{number}"), 1, 0)]))));
    let answers = created_together(&world, bodies).await;
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses[..12], [201; 12], "{answers:?}");
    assert_eq!((statuses[12], &answers[12].1["type"]), (409, &json!("/problems/product-slug-taken")));
    assert_eq!((statuses[13], problem_fields(&answers[13].1)), (422, vec!["category"]));
    let mut twins = [statuses[14], statuses[15]];
    twins.sort_unstable();
    assert_eq!(twins, [201, 409]);
    let transactions = world.value("select count(distinct xmin::text) from products where slug like 'desk-%'").await;
    assert!(transactions.parse::<u32>().unwrap() <= 3, "12 products were created in {transactions} transactions");
    let rows = "select count(*) || ' ' || count(distinct org_id) from products where slug like 'desk-%'";
    assert_eq!(world.value(rows).await, "12 2");
    assert_eq!(world.value("select count(*) from outbox where aggregatetype = 'catalog.product.v1'").await, "15");
    assert_eq!(world.level("DESK-3").await, (3, 0, 0));

    // One whose SKU is taken has half of itself written before that shows. The others do not suffer from it.
    let bodies = vec![
        (Caller::Owner, product("chair-1", &[("CHAIR-1", 1, 2)])),
        (Caller::Owner, product("chair-2", &[("CHAIR-2", 1, 2), ("LAMP", 1, 2)])),
        (Caller::OtherOrganisation, product("chair-3", &[("LAMP", 1, 2)])),
    ];
    let answers = created_together(&world, bodies).await;
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [201, 409, 201], "{answers:?}");
    assert_eq!(answers[1].1["skus"], json!(["LAMP"]));
    assert_eq!(world.value("select count(*) from variants where sku = 'CHAIR-2'").await, "0");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_waits_for_a_row_does_not_hold_up_those_that_share_its_transaction() {
    let world = World::quiet().await;
    let organisation = world.scene.organisation().uuid();
    // Somebody else's transactions have written these slugs and are still open.
    let hold = async |slug: &str| {
        let superuser = world.scene.superuser().await;
        let insert = format!(
            "begin;
             insert into products (org_id, product_id, slug, title, description, status, price_from_minor, currency,
                                   variant_count, version, created_at, updated_at)
             values ('{organisation}', gen_random_uuid(), '{slug}', 'x', '', 'active', 1, 'USD', 1, 1, now(), now())"
        );
        superuser.batch_execute(&insert).await.unwrap();
        superuser
    };
    let (ahead, held) = (hold("ahead").await, hold("held").await);
    let post = |caller, slug: &str| {
        let (client, body) = (world.client(caller), product(slug, &[(slug, 1, 0)]));
        tokio::spawn(async move { client.post("/admin/v1/products", &body).await.0 })
    };
    let first = post(Caller::Owner, "ahead");
    eventually(PATIENCE, async || {
        world.value("select count(*) from pg_locks where not granted and locktype = 'transactionid'").await == "1"
    })
    .await;
    let waits = post(Caller::Owner, "held");
    let others: Vec<_> = (0..3).map(|number| post(Caller::OtherOrganisation, &format!("free-{number}"))).collect();
    let mediator = world.mediator();
    eventually(PATIENCE, async || mediator.waiting_in_group::<CreateProduct>() == 4).await;
    ahead.batch_execute("rollback").await.unwrap();
    assert_eq!(first.await.unwrap(), 201);
    for other in others {
        assert_eq!(other.await.unwrap(), 201);
    }
    assert!(!waits.is_finished(), "it waited for nothing, so this test shows nothing");
    held.batch_execute("rollback").await.unwrap();
    assert_eq!(waits.await.unwrap(), 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_needs_the_version_that_it_changes() {
    let world = World::quiet().await;
    let created = world.create("lamp", &[("A", 100, 1)]).await;
    world.create("desk", &[("DESK", 100, 1)]).await;
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    let rename = json!({"title": "Bright lamp", "variants": [{"sku": "A", "price": price(90)},
        {"sku": "B", "title": "Blue", "price": price(120)}]});
    assert_eq!(world.owner().patch(&path, &rename).await.0, 428);
    let at = |version: u32| world.owner().with("if-match", &format!("\"{version}\""));
    let (status, changed) = at(1).patch(&path, &rename).await;
    assert_eq!((status, &changed["version"], &changed["title"]), (200, &json!(2), &json!("Bright lamp")), "{changed}");
    assert_eq!(changed["variants"][0]["id"], created["variants"][0]["id"], "a variant stays itself");
    assert_eq!((&changed["variants"][0]["price"], world.level("B").await), (&price(90), (0, 0, 0)));
    let (status, problem) = at(1).patch(&path, &json!({"title": "Late"})).await;
    assert_eq!((status, &problem["type"]), (412, &json!("/problems/stale")), "{problem}");
    assert_eq!(problem["current_version"], 2);

    let (status, same) = at(2).patch(&path, &rename).await;
    assert_eq!((status, same), (200, changed), "what is like that already is not changed");
    let (status, problem) =
        at(2).patch(&path, &json!({"variants": [{"sku": "DESK", "title": "x", "price": price(1)}]})).await;
    assert_eq!((status, &problem["skus"]), (409, &json!(["DESK"])), "{problem}");
    let (status, problem) = at(2).patch(&path, &json!({"slug": "desk"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-slug-taken")), "{problem}");
    let (status, problem) = at(2).patch(&path, &json!({"variants": [{"sku": "C"}]})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["variants"]), "{problem}");

    assert_eq!(world.owner().post(&format!("{path}/retire"), &json!({})).await.1["status"], "retired");
    let (status, problem) = at(3).patch(&path, &json!({"title": "x"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-retired")), "{problem}");
    let (status, problem) = at(3).patch(&path, &json!({"status": "active"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-retired")), "no change sells it: {problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_product_is_restored_as_a_draft_and_by_nothing_else() {
    let world = World::connected().await;
    let created = world.create("lamp", &[("LAMP", 100, 1)]).await;
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    let restore = async || world.owner().post(&format!("{path}/restore"), &json!({})).await;
    let (status, same) = restore().await;
    assert_eq!((status, &same["status"], &same["version"]), (200, &json!("active"), &json!(1)), "{same}");

    assert_eq!(world.owner().post(&format!("{path}/retire"), &json!({})).await.0, 200);
    let row = r#"{"slug":"lamp","title":"Other","status":"active","variants":[{"sku":"LAMP"}]}"#;
    let (lines, _) = world.import("application/x-ndjson", row).await;
    assert_eq!(lines[0]["result"], "failed", "{lines:?}");
    assert!(lines[0]["errors"][0]["reason"].as_str().unwrap().contains("restore it first"), "{lines:?}");

    let (status, back) = restore().await;
    assert_eq!((status, &back["status"], &back["version"]), (200, &json!("draft"), &json!(3)), "{back}");
    assert_eq!(restore().await.1["version"], 3, "it is a draft already");
    let said = eventually(PATIENCE, async || {
        let said = world.said::<ProductState>().await;
        if said.len() >= 3 { Ok(said) } else { Err(said) }
    })
    .await;
    let statuses: Vec<_> = said.iter().map(|(_, state)| state.status).collect();
    assert_eq!(statuses, [ProductStatus::Active, ProductStatus::Retired, ProductStatus::Draft]);
    let (status, missing) =
        world.owner().post(&format!("/admin/v1/products/{}/restore", ProductId::new()), &json!({})).await;
    assert_eq!(status, 404, "{missing}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_stands_in_categories_that_exist() {
    let world = World::connected().await;
    let home = world.plant("home", &[]).await;
    let mut body = product("lamp", &[("LAMP", 100, 1)]);
    body["category"] = json!(home);
    let (status, created) = world.owner().post("/admin/v1/products", &body).await;
    assert_eq!((status, &created["category"]), (201, &json!(home)), "{created}");
    let nowhere = CategoryId::new();
    let mut lost = product("desk", &[("DESK", 100, 1)]);
    lost["category"] = json!(nowhere);
    let (status, problem) = world.owner().post("/admin/v1/products", &lost).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["category"]), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&nowhere.to_string()), "{problem}");
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    let at = |version: u32| world.owner().with("if-match", &format!("\"{version}\""));
    assert_eq!(at(1).patch(&path, &json!({"category": nowhere})).await.0, 422);
    let (status, freed) = at(1).patch(&path, &json!({"category": null})).await;
    assert_eq!((status, &freed["category"]), (200, &json!(null)), "{freed}");

    // Each version says its whole state, once and in order.
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() == 2 { Ok(states) } else { Err(states) }
    })
    .await;
    let seen: Vec<_> =
        states.iter().map(|(envelope, state)| (envelope.aggregate_version, state.version, state.category)).collect();
    assert_eq!(seen, [(1, 1, Some(home)), (2, 2, None)]);
    assert_eq!(states[0].1.variants[0].sku.as_str(), "LAMP");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_does_not() {
    let world = World::quiet().await;
    let created = world.create("lamp", &[("LAMP", 100, 1)]).await;
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    for (caller, reads, writes) in
        [(Caller::Viewer, 200, 403), (Caller::Anonymous, 401, 401), (Caller::OtherOrganisation, 404, 404)]
    {
        let client = world.client(caller).with("if-match", "\"1\"");
        assert_eq!(client.get(&path).await.0, reads, "{caller:?} reads");
        assert_eq!(client.patch(&path, &json!({"title": "x"})).await.0, writes, "{caller:?} changes");
        assert_eq!(client.post(&format!("{path}/retire"), &json!({})).await.0, writes, "{caller:?} retires");
        assert_eq!(client.post(&format!("{path}/restore"), &json!({})).await.0, writes, "{caller:?} restores");
        assert_eq!(
            client.post("/admin/v1/stock/LAMP/adjust", &json!({"delta": 1})).await.0,
            writes,
            "{caller:?} adjusts"
        );
    }
    let viewer = world.client(Caller::Viewer).with("content-type", "text/csv");
    let reply = viewer.send(reqwest::Method::POST, "/admin/v1/imports", Some(b"slug,sku\n".to_vec())).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_with_more_than_a_hundred_variants_is_refused_whole_however_it_comes() {
    let world = World::quiet().await;
    let body = |slug: &str, count: usize| {
        let variants: Vec<Value> = (1..=count)
            .map(|number| json!({"sku": format!("{slug}-{number}"), "title": "One", "price": price(100)}))
            .collect();
        json!({"slug": slug, "title": "Many", "variants": variants})
    };
    let (status, refused) = world.owner().post("/admin/v1/products", &body("many", 101)).await;
    assert_eq!((status, &refused["type"]), (422, &json!("/problems/invalid-request")), "{refused}");
    let (rows, _) = world.import("application/x-ndjson", &body("many", 101).to_string()).await;
    assert_eq!(rows[0]["result"], "failed", "{rows:?}");
    let (_, bulk) =
        world.owner().post("/admin/v1/products/bulk", &json!({"products": [body("many", 101), body("few", 1)]})).await;
    assert!(bulk["failed"] == 1 || bulk["type"] == "/problems/invalid-request", "{bulk}");
    assert_eq!(world.value("select count(*) from products where slug = 'many'").await, "0");

    let (status, full) = world.owner().post("/admin/v1/products", &body("full", 100)).await;
    assert_eq!(status, 201, "{full}");
    let path = format!("/admin/v1/products/{}", full["id"].as_str().unwrap());
    let one_more = json!({"title": "More", "variants": [{"sku": "one-more", "title": "One", "price": price(100)}]});
    let (status, refused) = world.owner().with("if-match", "*").patch(&path, &one_more).await;
    assert_eq!(status, 422, "{refused}");
    let (_, same) = world.owner().get(&path).await;
    assert_eq!((&same["title"], same["variants"].as_array().unwrap().len()), (&json!("Many"), 100));
    world.stop().await;
}
