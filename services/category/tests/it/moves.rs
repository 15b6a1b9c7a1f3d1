//! A large subtree moves: it is one event, and every path is right at once.

use std::time::Instant;

use serde_json::{Value, json};
use testkit::eventually;

use crate::world::{PATIENCE, World};

/// How many categories stand below the one that moves.
const BELOW: usize = 4_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_of_a_large_subtree_is_one_event() {
    let world = World::connected().await;
    // A root with 9 children, which have 50 each, which have 9 each, and the last one has the rest: five levels.
    let mut nodes =
        vec![json!({"reference": "top", "name": "Top"}), json!({"reference": "new-home", "name": "New home"})];
    let mut add = |reference: String, parent: &str| {
        nodes.push(json!({"reference": reference, "name": reference, "parent_reference": parent}));
        reference
    };
    let mut below = 0;
    'all: for first in 0..9 {
        let first = add(format!("n{first}"), "top");
        below += 1;
        for second in 0..50 {
            let second = add(format!("{first}-{second}"), &first);
            below += 1;
            for third in 0..10 {
                if below == BELOW {
                    break 'all;
                }
                add(format!("{second}-{third}"), &second);
                below += 1;
            }
        }
    }
    assert_eq!(below, BELOW);
    let count = nodes.len();
    let (status, report) = world.owner().post("/admin/v1/categories/bulk", &json!({"nodes": nodes})).await;
    assert_eq!((status, report["created"].as_array().unwrap().len()), (201, count), "{}", report["not_placed"]);
    let created = |reference: &str| -> String {
        let nodes = report["created"].as_array().unwrap();
        nodes.iter().find(|node| node["reference"] == reference).unwrap()["category"].as_str().unwrap().to_owned()
    };
    let (top, home) = (created("top"), created("new-home"));
    eventually(PATIENCE, async || {
        let said = world.scene.read(contracts::topics::CATEGORY.name).await.len();
        if said == count { Ok(()) } else { Err(said) }
    })
    .await;

    let started = Instant::now();
    let (status, moved) = world.relocate(&top, Some(&home), None).await;
    assert_eq!((status, &moved["path"]), (200, &json!([home, top])), "{moved}");
    let took = started.elapsed();
    let (_, tree) = world.owner().get("/admin/v1/categories").await;
    let items = tree["items"].as_array().unwrap();
    let mut paths = std::collections::BTreeMap::<&str, &Vec<Value>>::new();
    for item in items {
        let path = item["path"].as_array().unwrap();
        if let Some(parent) = item["parent"].as_str() {
            assert_eq!(&path[..path.len() - 1], &paths[parent][..], "a path runs through the parent's");
        }
        paths.insert(item["id"].as_str().unwrap(), path);
    }
    let carried = items.iter().filter(|item| item["path"][1] == json!(top) && item["version"] == 1).count();
    assert_eq!(carried, BELOW, "all were carried along, none is a change of its own");

    // A last event says that all before it are there.
    world.create("last", None).await;
    let states = eventually(PATIENCE, async || {
        let states = world.states().await;
        if states.iter().any(|(_, state)| state.slug.as_str() == "last") { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let of_move = states.len() - count - 1;
    println!("{BELOW} categories below one that moved, in {took:?}: {of_move} events");
    // The one that moved, and the one that stood behind it and moved up.
    assert_eq!(of_move, 2);
    world.stop().await;
}
