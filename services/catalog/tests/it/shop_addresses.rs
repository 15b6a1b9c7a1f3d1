//! A product of the shop by its slug, by the slugs that it had, and whether what a client has still holds.

use kernel::CategoryId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Caller, Client, Reply, eventually};

use crate::world::{PATIENCE, World, category_state, price, product};

/// The shop of a world, as anybody sees it, and its products, as their owner changes them.
struct Seen<'w> {
    world: &'w World,
    shop: String,
}

impl<'w> Seen<'w> {
    fn of(world: &'w World) -> Self {
        Self { world, shop: format!("/store/v1/{}/products", world.scene.slug()) }
    }

    async fn at(&self, address: &str, known: Option<&str>) -> Reply {
        let anyone = self.world.client(Caller::Anonymous);
        let anyone = known.map_or(anyone.clone(), |known| anyone.with("if-none-match", known));
        let separator = if address.is_empty() || address.starts_with('?') { "" } else { "/" };
        anyone.send(Method::GET, &format!("{}{separator}{address}", self.shop), None).await
    }

    /// The status, and where it leads.
    async fn leads(&self, address: &str) -> (u16, Option<String>) {
        let reply = self.at(address, None).await;
        let target = match reply.status {
            200 => reply.json()["slug"].as_str().map(str::to_owned),
            _ => reply.header("location").map(|path| path.trim_start_matches(&self.shop).to_owned()),
        };
        (reply.status, target)
    }

    async fn change(&self, product: &Value, change: Value) {
        let path = format!("/admin/v1/products/{}", product["id"].as_str().unwrap());
        let (status, changed) = self.world.owner().with("if-match", "*").patch(&path, &change).await;
        assert_eq!(status, 200, "{changed}");
    }
}

fn tag(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("public, no-cache")), "{}", reply.text());
    reply.header("etag").unwrap().to_owned()
}

fn moved_to(slug: &str) -> (u16, Option<String>) {
    (308, Some(format!("/{slug}")))
}

fn here(slug: &str) -> (u16, Option<String>) {
    (200, Some(slug.to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_slug_leads_to_the_new_one_until_another_product_has_it() {
    let world = World::quiet().await;
    let seen = Seen::of(&world);
    let lamp = world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    assert_eq!(seen.leads("lamp").await, here("lamp"));
    assert_eq!(seen.leads("bulb").await, (404, None), "what is nobody's is not kept");
    seen.change(&lamp, json!({"slug": "bulb"})).await;
    assert_eq!(seen.leads("bulb").await, here("bulb"));
    let moved = seen.at("lamp?locale=vi", None).await;
    assert_eq!((moved.status, moved.header("cache-control")), (308, Some("public, no-cache")));
    assert_eq!(moved.header("location"), Some(format!("{}/bulb?locale=vi", seen.shop).as_str()));
    assert_eq!(moved.bytes.len(), 0);

    // Each of its former slugs leads to the one that it has now, at once.
    seen.change(&lamp, json!({"slug": "light"})).await;
    assert_eq!((seen.leads("lamp").await, seen.leads("bulb").await), (moved_to("light"), moved_to("light")));
    // Another product takes one, and gives it up again: the last one that had it is found by it.
    let torch = world.create("lamp", &[("TORCH", 900, 4)]).await;
    assert_eq!(seen.at("lamp", None).await.json()["id"], torch["id"]);
    seen.change(&torch, json!({"slug": "torch"})).await;
    assert_eq!(seen.leads("lamp").await, moved_to("torch"));
    // The product itself takes one back, so there is nowhere to lead to.
    seen.change(&lamp, json!({"slug": "bulb"})).await;
    assert_eq!((seen.leads("bulb").await, seen.leads("light").await), (here("bulb"), moved_to("bulb")));

    // What is not for sale is nowhere, by no name that it ever had.
    let path = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    assert_eq!(world.owner().post(&format!("{path}/retire"), &json!({})).await.0, 200);
    for name in ["bulb", "light", lamp["id"].as_str().unwrap()] {
        assert_eq!(seen.leads(name).await, (404, None), "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_was_never_for_sale_leaves_no_old_slug_and_other_shops_know_none() {
    let world = World::quiet().await;
    let seen = Seen::of(&world);
    let mut wanted = product("plan", &[("PLAN", 100, 0)]);
    wanted["status"] = json!("draft");
    let (status, draft) = world.owner().post("/admin/v1/products", &wanted).await;
    assert_eq!(status, 201, "{draft}");
    seen.change(&draft, json!({"slug": "idea"})).await;
    assert_eq!(world.value("select count(*) from former_slugs").await, "0");
    seen.change(&draft, json!({"status": "active", "slug": "thing"})).await;
    assert_eq!(seen.leads("idea").await, (404, None), "nobody could have seen it");
    seen.change(&draft, json!({"slug": "object"})).await;
    assert_eq!(seen.leads("thing").await, moved_to("object"));
    // A draft takes a former slug: it is that product's from then on.
    let mut wanted = product("thing", &[("NEXT", 100, 0)]);
    wanted["status"] = json!("draft");
    let (status, next) = world.owner().post("/admin/v1/products", &wanted).await;
    assert_eq!(status, 201, "{next}");
    assert_eq!(seen.leads("thing").await, (404, None));
    let path = format!("/admin/v1/products/{}", next["id"].as_str().unwrap());
    assert_eq!(world.owner().send(Method::DELETE, &path, None).await.status, 200);
    assert_eq!(seen.leads("thing").await, moved_to("object"), "the draft is gone");

    let elsewhere = format!("/store/v1/{}/products", world.scene.other_slug());
    for name in ["object", "thing"] {
        let (status, problem) = world.client(Caller::Anonymous).get(&format!("{elsewhere}/{name}")).await;
        assert_eq!(status, 404, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(name), "{problem}");
    }
    let malformed = seen.at("No-Slug", None).await;
    assert!(malformed.status == 404 || malformed.status == 422, "{}", malformed.text());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_page_of_the_shop_is_told_whether_it_still_holds() {
    let world = World::quiet().await;
    let seen = Seen::of(&world);
    let lamp = world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    let id = lamp["id"].as_str().unwrap();
    // From the cache and not from it.
    let places = [id, "lamp", "", "?sort=-title", "?q=lamp", "?total=exact", "fields"];
    let mut tags = Vec::new();
    for place in places {
        let known = tag(&seen.at(place, None).await);
        let again = seen.at(place, Some(&known)).await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, Some(known.as_str())), "{place}");
        assert_eq!(again.header("cache-control"), Some("public, no-cache"), "{place}");
        tags.push(known);
    }
    assert_eq!(tags[0], tags[1], "it is one product by either name");
    seen.change(&lamp, json!({"variants": [{"sku": "LAMP", "price": price(1_300)}]})).await;
    for (place, known) in places.iter().zip(&tags).take(6) {
        let changed = seen.at(place, Some(known)).await;
        assert_ne!(tag(&changed), *known, "{place}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_that_moves_changes_the_pages_of_the_shop_that_are_cached() {
    let world = World::connected().await;
    let (home, garden) = (world.plant("home", &[]).await, world.plant("garden", &[]).await);
    let lights = world.plant("lights", &[home]).await;
    let mut lamp = product("lamp", &[("LAMP", 1_250, 4)]);
    lamp["category"] = json!(lights);
    assert_eq!(world.owner().post("/admin/v1/products", &lamp).await.0, 201);
    let below = |category: CategoryId| {
        let (shop, anyone) = (Seen::of(&world).shop, world.client(Caller::Anonymous));
        async move { found(&anyone, &format!("{shop}?where=category_tree:has_any:{category}")).await }
    };
    eventually(PATIENCE, async || {
        let seen = (below(home).await, below(garden).await);
        if seen == (1, 0) { Ok(()) } else { Err(seen) }
    })
    .await;
    let moved = category_state(lights, "lights", &[garden], 2);
    world.scene.publish(2, &moved).await;
    eventually(PATIENCE, async || {
        let seen = (below(home).await, below(garden).await);
        if seen == (0, 1) { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}

async fn found(anyone: &Client, path: &str) -> usize {
    let (status, page) = anyone.get(path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().len()
}
