//! Retiring and restoring, the order of siblings, details, and what the shop makes of them.

use kernel::CategoryId;
use serde_json::{Value, json};
use testkit::{Caller, problem_fields};

use crate::world::{World, drawn, named};

/// Retires or restores a category.
async fn send(world: &World, category: &str, verb: &str) -> (u16, Value) {
    world.owner().post(&format!("/admin/v1/categories/{category}/{verb}"), &json!({})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_category_and_all_below_it_leave_the_shop_and_come_back() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let led = world.create("led", Some(&desk)).await;
    world.create("floor", Some(&lamps)).await;
    let sale = world.create("sale", None).await;

    let (status, retired) = send(&world, &desk, "retire").await;
    assert_eq!((status, &retired["version"]), (200, &json!(2)), "{retired}");
    assert!(retired["retired_at"].is_string(), "{retired}");
    assert_eq!(send(&world, &desk, "retire").await.1["version"], 2, "retired already");
    let shop = world.shop().await;
    assert_eq!(drawn(&shop), ["lamps", "  floor", "sale"]);
    assert_eq!(shop["items"][1]["position"], 0, "the shop counts what it shows");
    assert_eq!(world.tree().await, ["lamps", "  desk", "    led", "  floor", "sale"], "staff sees what is retired");
    let (_, found) = world.owner().get(&format!("/admin/v1/categories/{led}")).await;
    assert_eq!((&found["retired"], &found["retired_at"]), (&json!(true), &json!(null)), "{found}");
    let (_, part) = world.owner().get(&format!("/admin/v1/categories?root={led}")).await;
    assert_eq!(part["items"][0]["retired"], true, "{part}");

    // It takes no children, and keeps its slug.
    for parent in [&desk, &led] {
        let (status, problem) = world.owner().post("/admin/v1/categories", &named("new", Some(parent))).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-retired")), "{problem}");
        let (status, problem) = world.relocate(&sale, Some(parent), None).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-retired")), "{problem}");
    }
    let (status, problem) = world.owner().post("/admin/v1/categories", &named("desk", Some(&lamps))).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-slug-taken")), "{problem}");

    // What is below a retired one waits for it.
    assert_eq!(send(&world, &led, "retire").await.0, 200);
    assert_eq!(send(&world, &lamps, "retire").await.0, 200);
    assert_eq!(drawn(&world.shop().await), ["sale"]);
    let (status, problem) = send(&world, &desk, "restore").await;
    assert_eq!(
        (status, &problem["type"], &problem["parent"]),
        (409, &json!("/problems/category-retired"), &json!(lamps))
    );
    assert_eq!(send(&world, &lamps, "restore").await.0, 200);
    assert_eq!(send(&world, &desk, "restore").await.0, 200);
    assert_eq!(drawn(&world.shop().await), ["lamps", "  desk", "  floor", "sale"], "led was retired by itself");
    assert_eq!(send(&world, &led, "restore").await.1["retired_at"], json!(null));
    assert_eq!(drawn(&world.shop().await), ["lamps", "  desk", "    led", "  floor", "sale"]);
    let nobody = CategoryId::new().to_string();
    assert_eq!((send(&world, &nobody, "retire").await.0, send(&world, &nobody, "restore").await.0), (404, 404));
    let viewer = world.client(Caller::Viewer);
    assert_eq!(viewer.post(&format!("/admin/v1/categories/{led}/retire"), &json!({})).await.0, 403);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_stated_as_a_whole() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let sale = world.create("sale", None).await;
    let mut below = Vec::new();
    for slug in ["a", "b", "c"] {
        below.push(world.create(slug, Some(&lamps)).await);
    }
    let reorder = async |body: Value| world.owner().post("/admin/v1/categories/reorder", &body).await;
    let [a, b, c] = [&below[0], &below[1], &below[2]];
    let (status, children) = reorder(json!({"parent": lamps, "children": [c, a, b]})).await;
    assert_eq!(status, 200, "{children}");
    assert_eq!((&children["items"][0]["id"], &children["items"][0]["version"]), (&json!(c), &json!(2)));
    assert_eq!(reorder(json!({"children": [sale, lamps]})).await.0, 200, "the top level");
    assert_eq!(world.tree().await, ["sale", "lamps", "  c", "  a", "  b"]);
    for (order, missing, surplus) in [
        (json!([c, a]), json!([b]), json!([])),
        (json!([c, a, b, sale]), json!([]), json!([sale])),
        (json!([c, a, b, a]), json!([]), json!([a])),
    ] {
        let (status, problem) = reorder(json!({"parent": lamps, "children": order})).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-other-children")), "{problem}");
        assert_eq!((&problem["missing"], &problem["surplus"]), (&missing, &surplus), "{problem}");
    }
    let (status, problem) = reorder(json!({"parent": CategoryId::new(), "children": []})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["parent"]), "{problem}");
    let (status, problem) = reorder(json!({"parent": "x", "children": ["y"]})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["children[0]", "parent"]), "{problem}");
    assert_eq!(world.tree().await, ["sale", "lamps", "  c", "  a", "  b"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_belongs_to_one_category_and_every_faulty_detail_is_named() {
    let world = World::quiet().await;
    let owner = world.owner();
    let body = json!({"name": "Lamps", "references": {"erp": "10", "shop": "x"}});
    let (status, lamps) = owner.post("/admin/v1/categories", &body).await;
    assert_eq!(status, 201, "{lamps}");
    let (status, problem) =
        owner.post("/admin/v1/categories", &json!({"name": "B", "references": {"erp": "10"}})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-reference-taken")), "{problem}");
    assert_eq!(problem["holder"], lamps["id"]);
    assert_eq!(owner.post("/admin/v1/categories", &json!({"name": "B", "references": {"erp": "11"}})).await.0, 201);
    let bad = json!({"name": "C", "icon": "x".repeat(41), "image": "http://a.example", "references": {"ERP": "1"}});
    let (status, problem) = owner.post("/admin/v1/categories", &bad).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["icon", "image", "references"]), "{problem}");
    let path = format!("/admin/v1/categories/{}", lamps["id"].as_str().unwrap());
    let (status, problem) =
        owner.clone().with("if-match", "\"1\"").patch(&path, &json!({"references": {"erp": "11"}})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-reference-taken")), "{problem}");
    let other = world.client(Caller::OtherOrganisation);
    assert_eq!(other.post("/admin/v1/categories", &body).await.0, 201, "references are per organisation");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_tree_and_the_way_to_a_category_are_one_read_each() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let led = world.create("led", Some(&desk)).await;
    world.create("sale", None).await;
    let (status, part) = world.owner().get(&format!("/admin/v1/categories?root={desk}")).await;
    assert_eq!((status, &part["items"][0]["path"]), (200, &json!([lamps, desk])), "{part}");
    let slugs: Vec<_> = part["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect();
    assert_eq!(slugs, ["desk", "led"]);
    let nobody = CategoryId::new();
    assert_eq!(world.owner().get(&format!("/admin/v1/categories?root={nobody}")).await.0, 404);
    assert_eq!(world.client(Caller::OtherOrganisation).get(&format!("/admin/v1/categories?root={desk}")).await.0, 404);
    let (_, found) = world.owner().get(&format!("/admin/v1/categories/{led}")).await;
    let crumb = |id: &str, slug: &str| json!({"id": id, "name": slug.to_uppercase(), "slug": slug});
    assert_eq!(found["breadcrumbs"], json!([crumb(&lamps, "lamps"), crumb(&desk, "desk"), crumb(&led, "led")]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_tree_is_told_that_it_still_holds() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let anyone = world.client(Caller::Anonymous);
    let shop = format!("/store/v1/{}/categories", world.scene.slug());
    let one = format!("/admin/v1/categories/{desk}");
    let places =
        [(anyone, shop.as_str(), "public, no-cache"), (world.owner(), "/admin/v1/categories", "private, no-cache")];
    let read = async |client: &testkit::Client, path: &str, known: Option<&str>| {
        let client = known.map_or(client.clone(), |known| client.clone().with("if-none-match", known));
        client.send(reqwest::Method::GET, path, None).await
    };
    let mut tags = Vec::new();
    for (client, path, kept) in &places {
        let first = read(client, path, None).await;
        assert_eq!((first.status, first.header("cache-control")), (200, Some(*kept)), "{path}");
        let tag = first.header("etag").unwrap().to_owned();
        let again = read(client, path, Some(&tag)).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        tags.push(tag);
    }
    let before = read(&world.owner(), &one, None).await.header("etag").unwrap().to_owned();
    assert_eq!(read(&world.owner(), &one, Some(&before)).await.status, 304);
    // A change further up is none of this category, and changes what is shown of it.
    let change = world.owner().with("if-match", "\"1\"");
    assert_eq!(change.patch(&format!("/admin/v1/categories/{lamps}"), &json!({"name": "Lights"})).await.0, 200);
    let shown = read(&world.owner(), &one, Some(&before)).await;
    assert_eq!((shown.status, &shown.json()["version"]), (200, &json!(1)));
    assert_eq!(shown.json()["breadcrumbs"][0]["name"], "Lights");
    for ((client, path, _), tag) in places.iter().zip(&tags) {
        assert_eq!(read(client, path, Some(tag)).await.status, 200, "{path}");
    }
    // The tag of what was read is good for a change of that version.
    let change = world.owner().with("if-match", &before);
    assert_eq!(change.patch(&one, &json!({"name": "Desks"})).await.0, 200);
    assert_eq!(change.patch(&one, &json!({"name": "Late"})).await.0, 412);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn categories_are_found_by_a_query() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    world.create("chairs", None).await;
    let query = async |filter: Value| {
        let body = json!({"filter": filter, "fields": ["slug", "depth"], "sort": ["-depth", "name"], "total": "exact"});
        world.owner().post("/admin/v1/categories/query", &body).await
    };
    let below = json!({"field": "path", "op": "has_any", "value": [lamps]});
    let (status, found) = query(below.clone()).await;
    let expected = json!([{"slug": "desk", "depth": 2}, {"slug": "lamps", "depth": 1}]);
    assert_eq!((status, &found["items"], &found["total"]["items"]), (200, &expected, &json!(2)));
    assert_eq!(send(&world, &desk, "retire").await.0, 200);
    let (_, found) = query(json!({"and": [below, {"field": "retired_at", "op": "is_null", "value": true}]})).await;
    assert_eq!(found["items"], json!([{"slug": "lamps", "depth": 1}]));
    let (status, problem) = query(json!({"field": "title", "op": "eq", "value": "x"})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["filter.field"]), "{problem}");
    let elsewhere = world.client(Caller::OtherOrganisation);
    assert_eq!(elsewhere.post("/admin/v1/categories/query", &json!({})).await.1["items"], json!([]));
    world.stop().await;
}
