//! Many categories in one call: a broken tree, a real one, and a repeated call.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use kernel::CategoryId;
use serde_json::{Value, json};
use testkit::{Caller, problem_fields};

use crate::world::World;

async fn bulk(world: &World, body: &Value) -> (u16, Value) {
    world.owner().post("/admin/v1/categories/bulk", body).await
}

/// The references that were not placed, with the reasons.
fn reasons(report: &Value) -> Vec<(String, String)> {
    let nodes = report["not_placed"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    nodes.map(|node| (text(&node["reference"]), text(&node["reason"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_is_created_from_nodes_in_any_order_and_what_does_not_fit_is_named() {
    let world = World::quiet().await;
    let home = world.create("home", None).await;
    let nodes = json!([
        {"reference": "3", "name": "LED", "parent_reference": "2"},
        {"reference": "2", "name": "Desk", "parent_reference": "1"},
        {"reference": "1", "name": "Lamps", "parent": home},
        {"reference": "4", "name": "Floor", "slug": "floor", "parent_reference": "1"},
        {"reference": "5", "name": "Lost", "parent_reference": "99"},
        {"reference": "6", "name": "Below lost", "parent_reference": "5"},
        {"reference": "7", "name": null},
        {"reference": "8", "name": "Round", "parent_reference": "9"},
        {"reference": "9", "name": "Round", "parent_reference": "8"},
        {"reference": "1", "name": "Lamps again"},
        {"reference": "10", "name": "Nowhere", "parent": CategoryId::new()},
        {"reference": "11", "name": "Home"},
        {"reference": "12", "name": "Home", "slug": "home"},
    ]);
    let expected = [
        ("5", "unknown-parent"),
        ("6", "parent-not-placed"),
        ("7", "bad-name"),
        ("8", "cycle"),
        ("9", "cycle"),
        ("1", "duplicate-reference"),
        ("10", "unknown-parent"),
        ("12", "slug-taken"),
    ]
    .map(|(reference, reason)| (reference.to_owned(), reason.to_owned()));
    let (status, problem) = bulk(&world, &json!({"nodes": nodes, "all_or_nothing": true})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/category-not-all-placed")), "{problem}");
    assert_eq!(reasons(&problem), expected);
    assert_eq!(world.tree().await, ["home"], "all or nothing");

    let keyed = world.owner().with("idempotency-key", "the-tree");
    let body = json!({"nodes": nodes, "system": "old-shop"});
    let first = keyed.post_reply("/admin/v1/categories/bulk", &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(reasons(&first.json()), expected);
    let again = keyed.post_reply("/admin/v1/categories/bulk", &body).await;
    assert_eq!((again.status, again.bytes), (201, first.bytes.clone()), "a repeat gets the same bytes");
    let tree = world.tree().await;
    assert_eq!(tree[..5], ["home", "  lamps", "    desk", "      led", "    floor"]);
    assert!(tree[5].starts_with("home-"), "a suggested slug gets a suffix: {tree:?}");
    let created = first.json()["created"].as_array().unwrap().clone();
    assert_eq!(created.len(), 5);
    let lamps = created.iter().find(|node| node["reference"] == "1").unwrap();
    let (_, found) = world.owner().get(&format!("/admin/v1/categories/{}", lamps["category"].as_str().unwrap())).await;
    assert_eq!((&found["name"], &found["references"]), (&json!("Lamps"), &json!({"old-shop": "1"})), "{found}");

    let (status, problem) = bulk(&world, &json!({"nodes": [], "system": "No code"})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["nodes", "system"]), "{problem}");
    let (status, problem) = bulk(&world, &json!({"nodes": [{"reference": "", "parent": "prod_x"}]})).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["nodes[0].parent", "nodes[0].reference"]), "{problem}");
    let viewer = world.client(Caller::Viewer);
    let one = json!({"nodes": [{"reference": "x", "name": "X"}]});
    assert_eq!(viewer.post("/admin/v1/categories/bulk", &one).await.0, 403);
    world.stop().await;
}

/// The categories of a real shop, if the file is there: beside this checkout.
fn bestbuy() -> Option<Vec<Value>> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/categories/bestbuy_categories.json.gz");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let unpacked = std::process::Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    Some(serde_json::from_slice(&unpacked.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_of_a_real_shop_is_created_in_one_call() {
    let Some(all) = bestbuy() else { return };
    let world = World::quiet().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut nodes: Vec<Value> = Vec::new();
    let mut parents = BTreeMap::new();
    for category in &all {
        let path = category["path"].as_array().map(Vec::as_slice).unwrap_or_default();
        let parent = path.len().checked_sub(2).map(|above| text(&path[above]["id"]));
        let id = text(&category["id"]);
        nodes.push(json!({"reference": id, "name": category["name"], "parent_reference": parent}));
        parents.insert(id, parent);
    }
    // Whatever else names a category as one below it is a second parent.
    let mut second = 0;
    for category in &all {
        let other = text(&category["id"]);
        for below in category["subCategories"].as_array().into_iter().flatten() {
            let id = text(&below["id"]);
            if parents.get(&id).is_some_and(|parent| parent.as_ref() != Some(&other)) {
                nodes.push(json!({"reference": id, "name": below["name"], "parent_reference": other}));
                second += 1;
            }
        }
    }
    let started = std::time::Instant::now();
    let (status, report) = bulk(&world, &json!({"nodes": nodes, "system": "bestbuy"})).await;
    assert_eq!(status, 201, "{}", report["detail"]);
    let took = started.elapsed();

    // What must come of it, worked out here without the service.
    let placed = |id: &String| {
        let mut at = Some(id);
        while let Some(id) = at {
            match parents.get(id) {
                Some(parent) => at = parent.as_ref(),
                None => return false,
            }
        }
        true
    };
    let nameless: BTreeSet<String> =
        all.iter().filter(|category| category["name"].is_null()).map(|category| text(&category["id"])).collect();
    let good: BTreeSet<String> = parents.keys().filter(|id| placed(id) && !nameless.contains(*id)).cloned().collect();
    let created: BTreeSet<String> =
        report["created"].as_array().unwrap().iter().map(|node| text(&node["reference"])).collect();
    assert_eq!(created, good);
    let mut of_reason: BTreeMap<String, usize> = BTreeMap::new();
    for (_, reason) in reasons(&report) {
        *of_reason.entry(reason).or_default() += 1;
    }
    println!("{} nodes sent, {} created in {took:?}, not placed: {of_reason:?}", nodes.len(), created.len());
    assert_eq!(of_reason["duplicate-reference"], second);
    let dangling = parents.values().flatten().filter(|parent| !parents.contains_key(*parent)).count();
    assert_eq!(of_reason["unknown-parent"], dangling);
    assert_eq!(created.len() + reasons(&report).len(), nodes.len(), "every node is in one of the two lists");

    let (status, tree) = world.owner().get("/admin/v1/categories").await;
    assert_eq!(status, 200);
    let items = tree["items"].as_array().unwrap();
    assert_eq!(items.len(), created.len());
    let reference_of: BTreeMap<String, String> =
        items.iter().map(|item| (text(&item["id"]), text(&item["references"]["bestbuy"]))).collect();
    for item in items {
        let parent = item["parent"].as_str().map(|parent| reference_of[parent].clone());
        assert_eq!(parents[&text(&item["references"]["bestbuy"])], parent);
    }
    world.stop().await;
}
