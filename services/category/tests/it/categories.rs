//! Creating, reading, renaming and moving categories over HTTP.

use kernel::CategoryId;
use serde_json::json;
use testkit::{Caller, problem_fields};

use crate::world::{World, drawn, named};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_is_listed_in_its_order_for_staff_and_shoppers() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    world.create("sale", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    world.create("floor", Some(&lamps)).await;
    world.create("led", Some(&desk)).await;
    let first = json!({"name": "New", "slug": "new", "position": 0});
    assert_eq!(world.owner().post("/admin/v1/categories", &first).await.0, 201);

    let expected = ["new", "lamps", "  desk", "    led", "  floor", "sale"];
    assert_eq!(world.tree().await, expected);
    let (status, shop) =
        world.client(Caller::Anonymous).get(&format!("/store/v1/{}/categories", world.scene.slug())).await;
    assert_eq!((status, drawn(&shop)), (200, expected.map(str::to_owned).to_vec()));
    assert!(shop["items"][0].get("version").is_none(), "shoppers see no versions");

    let (status, found) = world.owner().get(&format!("/admin/v1/categories/{desk}")).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(
        (&found["name"], &found["parent"], &found["path"]),
        (&json!("DESK"), &json!(lamps), &json!([lamps, desk]))
    );
    assert_eq!((&found["position"], &found["version"]), (&json!(0), &json!(1)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_faulty_field_is_reported_at_once() {
    let world = World::quiet().await;
    let owner = world.owner();
    let (status, problem) = owner
        .post(
            "/admin/v1/categories",
            &json!({"name": "\u{7}", "slug": "Not a slug", "parent": "prod_x", "position": 1000}),
        )
        .await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["name", "parent", "position", "slug"]), "{problem}");

    let (status, problem) =
        owner.post("/admin/v1/categories", &json!({"name": "x".repeat(121), "slug": "", "position": 1000})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["name", "position", "slug"]), "{problem}");

    let (status, problem) =
        owner.post("/admin/v1/categories", &json!({"name": "A", "slug": "a", "colour": "red"})).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem.to_string().contains("colour"), "{problem}");

    let nobody = CategoryId::new().to_string();
    let (status, problem) = owner.post("/admin/v1/categories", &named("a", Some(&nobody))).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["parent"]), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&nobody), "{problem}");
    assert!(world.tree().await.is_empty(), "nothing refused was created");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_is_unique_among_siblings_only() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let (status, problem) = world.owner().post("/admin/v1/categories", &named("lamps", None)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-slug-taken")), "{problem}");
    assert_eq!(problem_fields(&problem), ["slug"]);
    let twin = world.create("lamps", Some(&lamps)).await;
    let (status, problem) = world.relocate(&twin, None, None).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-slug-taken")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_happens_once_per_key() {
    let world = World::quiet().await;
    let keyed = world.owner().with("idempotency-key", "the-key");
    let first = keyed.post_reply("/admin/v1/categories", &named("lamps", None)).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), Some(format!("/admin/v1/categories/{id}").as_str()));
    let again = keyed.post_reply("/admin/v1/categories", &named("lamps", None)).await;
    assert_eq!((again.status, again.bytes), (201, first.bytes));
    let (status, problem) = keyed.post("/admin/v1/categories", &named("other", None)).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    let (status, _) = world.owner().without_key().post("/admin/v1/categories", &named("other", None)).await;
    assert_eq!(status, 400);
    assert_eq!(world.tree().await, ["lamps"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_category_takes_its_subtree_along_and_leaves_no_gap() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let led = world.create("led", Some(&desk)).await;
    world.create("floor", Some(&lamps)).await;
    let sale = world.create("sale", None).await;
    world.create("old", Some(&sale)).await;

    let (status, moved) = world.relocate(&desk, Some(&sale), Some(0)).await;
    assert_eq!((status, &moved["path"]), (200, &json!([sale, desk])), "{moved}");
    assert_eq!(world.tree().await, ["lamps", "  floor", "sale", "  desk", "    led", "  old"]);
    let (_, floor) = world.owner().get("/admin/v1/categories").await;
    assert_eq!(floor["items"][1]["position"], 0, "its former sibling moved up");

    let (status, _) = world.relocate(&led, None, Some(0)).await;
    assert_eq!(status, 200);
    assert_eq!(world.tree().await, ["led", "lamps", "  floor", "sale", "  desk", "  old"]);

    for target in [&sale, &desk] {
        let (status, problem) = world.relocate(&sale, Some(target), None).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-cycle")), "{problem}");
    }
    let nobody = CategoryId::new().to_string();
    assert_eq!(world.relocate(&nobody, None, None).await.0, 404);
    assert_eq!(world.relocate(&desk, Some(&nobody), None).await.0, 422);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_ends_at_eight_levels() {
    let world = World::quiet().await;
    let mut parent = world.create("l1", None).await;
    for level in 2..=8 {
        parent = world.create(&format!("l{level}"), Some(&parent)).await;
    }
    let (status, problem) = world.owner().post("/admin/v1/categories", &named("l9", Some(&parent))).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-tree-limit")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_without_a_slug_gets_one_that_no_sibling_has() {
    let world = World::quiet().await;
    let owner = world.owner();
    let create = |number: usize, name: &str| {
        let keyed = owner.clone().with("idempotency-key", &format!("key-{number}"));
        let body = json!({"name": name});
        tokio::spawn(async move {
            let first = keyed.post_reply("/admin/v1/categories", &body).await;
            assert_eq!(first.status, 201, "{}", first.text());
            let again = keyed.post_reply("/admin/v1/categories", &body).await;
            assert_eq!((again.status, again.bytes), (201, first.bytes.clone()), "a repeat gets the same bytes");
            first.json()["slug"].as_str().unwrap().to_owned()
        })
    };
    let names = ["Lâu", "Lầu", "Лампы", "Лампы", "مصباح", "مصباح", "مصباح"];
    let mut slugs = Vec::new();
    for creation in names.iter().enumerate().map(|(number, name)| create(number, name)).collect::<Vec<_>>() {
        slugs.push(creation.await.unwrap());
    }
    for base in ["lau", "lampy", "msbh"] {
        assert_eq!(slugs.iter().filter(|slug| *slug == base).count(), 1, "{slugs:?}");
    }
    assert_eq!(slugs.iter().filter(|slug| slug.starts_with("msbh-")).count(), 2, "{slugs:?}");
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), names.len(), "{slugs:?}");
    let (status, problem) = owner.post("/admin/v1/categories", &named("lau", None)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-slug-taken")), "{problem}");
    let (status, problem) = owner.post("/admin/v1/categories", &json!({"name": "!?"})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["slug"]), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_needs_the_version_that_it_changes() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let path = format!("/admin/v1/categories/{lamps}");
    let body = json!({"name": "Lights", "slug": "lights"});
    assert_eq!(world.owner().patch(&path, &body).await.0, 428);
    let (status, renamed) = world.owner().with("if-match", "\"1\"").patch(&path, &body).await;
    assert_eq!((status, &renamed["name"], &renamed["slug"]), (200, &json!("Lights"), &json!("lights")));
    assert_eq!(renamed["version"], 2);
    let (status, problem) = world.owner().with("if-match", "\"1\"").patch(&path, &json!({"name": "Late"})).await;
    assert_eq!((status, &problem["current_version"]), (412, &json!(2)), "{problem}");
    let (status, problem) =
        world.owner().with("if-match", "\"2\"").patch(&path, &json!({"name": "", "slug": "A"})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["name", "slug"]), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_does_not() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let path = format!("/admin/v1/categories/{lamps}");
    for (caller, reads, writes) in
        [(Caller::Viewer, 200, 403), (Caller::Anonymous, 401, 401), (Caller::OtherOrganisation, 404, 404)]
    {
        let client = world.client(caller).with("if-match", "\"1\"");
        assert_eq!(client.get(&path).await.0, reads, "{caller:?} reads");
        assert_eq!(client.patch(&path, &json!({"name": "x"})).await.0, writes, "{caller:?} renames");
        assert_eq!(client.post(&format!("{path}/move"), &json!({})).await.0, writes, "{caller:?} moves");
    }
    let other = world.client(Caller::OtherOrganisation);
    let (status, problem) = other.post("/admin/v1/categories", &named("below", Some(&lamps))).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["parent"]), "{problem}");
    assert_eq!(other.post("/admin/v1/categories", &named("lamps", None)).await.0, 201, "slugs are per organisation");
    let (_, shop) = other.get(&format!("/store/v1/{}/categories", world.scene.other_slug())).await;
    assert_eq!(drawn(&shop), ["lamps"]);
    assert_ne!(shop["items"][0]["id"], json!(lamps));
    assert_eq!(world.client(Caller::Anonymous).get("/store/v1/nobody/categories").await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_at_once_cannot_close_a_cycle() {
    let world = World::quiet().await;
    for round in 0..10 {
        let one = world.create(&format!("one-{round}"), None).await;
        let two = world.create(&format!("two-{round}"), None).await;
        let (first, second) =
            tokio::join!(world.relocate(&one, Some(&two), None), world.relocate(&two, Some(&one), None));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{first:?} {second:?}");
    }
    assert_eq!(world.tree().await.len(), 20, "no category fell out of the tree");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn categories_created_at_once_get_one_position_each() {
    let world = World::quiet().await;
    let owner = world.owner();
    let slugs: Vec<String> = (0..12).map(|number| format!("c{number}")).collect();
    let created = slugs.iter().map(|slug| {
        let owner = owner.clone();
        let body = named(slug, None);
        tokio::spawn(async move { owner.post("/admin/v1/categories", &body).await })
    });
    let mut positions = Vec::new();
    for task in created.collect::<Vec<_>>() {
        let (status, body) = task.await.unwrap();
        assert_eq!(status, 201, "{body}");
        positions.push(body["position"].as_i64().unwrap());
    }
    positions.sort_unstable();
    assert_eq!(positions, (0..12).collect::<Vec<_>>());
    world.stop().await;
}
