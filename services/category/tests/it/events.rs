//! What category publishes.

use serde_json::json;
use testkit::eventually;

use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_changed_category_publishes_its_state_and_no_other() {
    let world = World::connected().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let led = world.create("led", Some(&desk)).await;
    let floor = world.create("floor", Some(&lamps)).await;
    assert_eq!(world.relocate(&desk, None, Some(0)).await.0, 200);
    assert_eq!(world.relocate(&desk, None, Some(0)).await.0, 200, "where it stands already");

    let (status, retired) = world.owner().post(&format!("/admin/v1/categories/{desk}/retire"), &json!({})).await;
    assert_eq!((status, &retired["version"]), (200, &json!(3)), "{retired}");

    // Four creations; the move changes desk, lamps that it pushed on, and floor that moved up; the retirement desk alone. What
    // stands below it says nothing.
    let states = eventually(PATIENCE, async || {
        let states = world.states().await;
        if states.len() >= 8 { Ok(states) } else { Err(states) }
    })
    .await;
    assert_eq!(states.len(), 8, "{states:?}");
    let latest = |id: &str| {
        let of_it: Vec<_> = states.iter().filter(|(_, state)| state.category.to_string() == id).collect();
        assert!(
            of_it.iter().zip(1..).all(|((version, state), expected)| *version == expected && state.version == expected)
        );
        of_it.last().map(|(_, state)| (*state).clone()).unwrap()
    };
    let seen = [&desk, &led, &lamps, &floor].map(|id| {
        let state = latest(id);
        (state.slug.to_string(), state.version, state.position, state.path.len())
    });
    let expected = [("desk", 3, 0, 1), ("led", 1, 0, 3), ("lamps", 2, 1, 1), ("floor", 2, 0, 2)];
    assert_eq!(seen, expected.map(|(slug, version, position, depth)| (slug.to_owned(), version, position, depth)));
    assert_eq!(latest(&led).parent.unwrap().to_string(), desk);
    let removed: Vec<_> =
        states.iter().filter(|(_, state)| state.removed).map(|(_, state)| state.slug.as_str()).collect();
    assert_eq!(removed, ["desk"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_publishes_nothing() {
    let world = World::connected().await;
    let lamps = world.create("lamps", None).await;
    assert_eq!(world.relocate(&lamps, Some(&lamps), None).await.0, 409);
    let path = format!("/admin/v1/categories/{lamps}");
    let renamed = world.owner().with("if-match", "\"1\"").patch(&path, &json!({"name": "Lights"})).await;
    assert_eq!(renamed.0, 200);
    let states = eventually(PATIENCE, async || {
        let states = world.states().await;
        if states.len() >= 2 { Ok(states) } else { Err(states) }
    })
    .await;
    let names: Vec<_> = states.iter().map(|(version, state)| (*version, state.name.as_str())).collect();
    assert_eq!(names, [(1, "LAMPS"), (2, "Lights")]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_category_shows_and_what_others_call_it_is_published_with_it() {
    let world = World::connected().await;
    let body =
        json!({"name": "Lamps", "icon": "💡", "image": "https://a.example/lamps.png", "references": {"erp": "10"}});
    let (status, created) = world.owner().post("/admin/v1/categories", &body).await;
    assert_eq!((status, &created["references"]), (201, &json!({"erp": "10"})), "{created}");
    let path = format!("/admin/v1/categories/{}", created["id"].as_str().unwrap());
    let change = json!({"icon": null, "references": {"shop": "a/b"}});
    let (status, changed) = world.owner().with("if-match", "\"1\"").patch(&path, &change).await;
    assert_eq!((status, &changed["icon"], &changed["image"]), (200, &json!(null), &body["image"]), "{changed}");
    let states = eventually(PATIENCE, async || {
        let states = world.states().await;
        if states.len() >= 2 { Ok(states) } else { Err(states) }
    })
    .await;
    let seen = states.iter().map(|(_, state)| json!([state.icon, state.image, state.references])).collect::<Vec<_>>();
    let image = &body["image"];
    assert_eq!(seen, [json!(["💡", image, {"erp": "10"}]), json!([null, image, {"shop": "a/b"}])]);
    world.stop().await;
}
