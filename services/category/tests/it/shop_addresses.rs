//! A category of the shop by its id, by the slugs that lead to it, and by those that led to it before.

use kernel::CategoryId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Caller, Reply};

use crate::world::World;

/// What anybody is answered at an address.
async fn at(world: &World, address: &str) -> Reply {
    let path = format!("/store/v1/{}/categories/{address}", world.scene.slug());
    world.client(Caller::Anonymous).send(Method::GET, &path, None).await
}

/// The status, and the category's id or the slugs that lead to it.
async fn leads(world: &World, address: &str) -> (u16, String) {
    let reply = at(world, address).await;
    let target = match reply.status {
        200 => reply.json()["id"].as_str().unwrap().to_owned(),
        308 => {
            let shop = format!("/store/v1/{}/categories/", world.scene.slug());
            reply.header("location").unwrap().strip_prefix(&shop).unwrap().to_owned()
        }
        _ => String::new(),
    };
    (reply.status, target)
}

async fn rename(world: &World, category: &str, slug: &str) {
    let changing = world.owner().with("if-match", "*");
    let (status, body) = changing.patch(&format!("/admin/v1/categories/{category}"), &json!({"slug": slug})).await;
    assert_eq!(status, 200, "{body}");
}

fn here(category: &str) -> (u16, String) {
    (200, category.to_owned())
}

fn moved_to(slugs: &str) -> (u16, String) {
    (308, slugs.to_owned())
}

fn nowhere() -> (u16, String) {
    (404, String::new())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_is_found_by_its_id_and_by_its_slugs_with_the_way_to_it() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    for (address, category) in
        [("lamps", &lamps), ("lamps%2Fdesk", &desk), (lamps.as_str(), &lamps), (desk.as_str(), &desk)]
    {
        assert_eq!(leads(&world, address).await, here(category), "{address}");
    }
    let reply = at(&world, "lamps%2Fdesk").await;
    let found = reply.json();
    let crumbs: Vec<&Value> = found["breadcrumbs"].as_array().unwrap().iter().map(|crumb| &crumb["slug"]).collect();
    assert_eq!(
        (crumbs, &found["slug"], &found["parent"]),
        (vec![&json!("lamps"), &json!("desk")], &json!("desk"), &json!(lamps))
    );
    // What the tree says of it, and the way.
    let mut listed = world.shop().await["items"][1].clone();
    listed["breadcrumbs"] = found["breadcrumbs"].clone();
    assert_eq!(found, listed);
    let known = world.client(Caller::Anonymous).with("if-none-match", reply.header("etag").unwrap());
    let path = format!("/store/v1/{}/categories/lamps%2Fdesk", world.scene.slug());
    assert_eq!(known.send(Method::GET, &path, None).await.status, 304);

    for address in ["desk", "desk%2Flamps", "lamps%2Fnothing", &CategoryId::new().to_string()] {
        assert_eq!(leads(&world, address).await, nowhere(), "{address}");
    }
    let elsewhere = format!("/store/v1/{}/categories/lamps", world.scene.other_slug());
    assert_eq!(world.client(Caller::Anonymous).send(Method::GET, &elsewhere, None).await.status, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_slugs_lead_to_the_new_ones_after_renames_and_moves_also_of_what_stands_above() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let led = world.create("led", Some(&desk)).await;

    rename(&world, &lamps, "lights").await;
    assert_eq!(leads(&world, "lamps").await, moved_to("lights"));
    assert_eq!(leads(&world, "lamps%2Fdesk%2Fled").await, moved_to("lights%2Fdesk%2Fled"));
    let reply = at(&world, "lamps").await;
    assert_eq!((reply.header("cache-control"), reply.bytes.len()), (Some("public, no-cache"), 0));
    assert_eq!(world.relocate(&desk, None, None).await.0, 200);
    rename(&world, &desk, "tables").await;
    for old in ["lamps%2Fdesk", "lights%2Fdesk", "desk"] {
        assert_eq!(leads(&world, old).await, moved_to("tables"), "{old}");
    }
    assert_eq!(leads(&world, "lamps%2Fdesk%2Fled").await, moved_to("tables%2Fled"));
    assert_eq!(leads(&world, "tables%2Fled").await, here(&led));

    // Another category takes the slug: it is that one's, until it gives it up after the first.
    let candles = world.create("lamps", None).await;
    assert_eq!(leads(&world, "lamps").await, here(&candles));
    assert_eq!(leads(&world, "lamps%2Fdesk").await, nowhere(), "nothing ever stood below that one");
    rename(&world, &candles, "candles").await;
    assert_eq!(leads(&world, "lamps").await, moved_to("candles"));
    // Whoever takes its own slug back is found by it.
    rename(&world, &lamps, "lamps").await;
    assert_eq!((leads(&world, "lamps").await, leads(&world, "lights").await), (here(&lamps), moved_to("lamps")));
    // Moves among siblings leave nothing.
    let kept = world.value("select count(*) from former_slugs").await;
    assert_eq!(world.relocate(&candles, None, Some(0)).await.0, 200);
    assert_eq!(world.value("select count(*) from former_slugs").await, kept);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_retired_is_nowhere_by_no_name_that_it_or_its_place_ever_had() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    rename(&world, &desk, "tables").await;
    let retire = format!("/admin/v1/categories/{lamps}/retire");
    assert_eq!(world.owner().post(&retire, &json!({})).await.0, 200);
    for address in ["lamps", "lamps%2Fdesk", "lamps%2Ftables", lamps.as_str(), desk.as_str()] {
        assert_eq!(leads(&world, address).await, nowhere(), "{address}");
    }
    let restore = format!("/admin/v1/categories/{lamps}/restore");
    assert_eq!(world.owner().post(&restore, &json!({})).await.0, 200);
    assert_eq!(leads(&world, "lamps%2Fdesk").await, moved_to("lamps%2Ftables"));
    world.stop().await;
}
