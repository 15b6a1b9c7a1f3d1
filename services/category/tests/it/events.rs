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

    // Four creations; the move changes desk, led below it, lamps that it pushed on, and floor that moved up.
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
    let expected = [("desk", 2, 0, 1), ("led", 2, 0, 2), ("lamps", 2, 1, 1), ("floor", 2, 0, 2)];
    assert_eq!(seen, expected.map(|(slug, version, position, depth)| (slug.to_owned(), version, position, depth)));
    assert_eq!(latest(&led).parent.unwrap().to_string(), desk);
    assert!(states.iter().all(|(_, state)| !state.removed));
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
