//! Saved views: named queries that are held against the registry when they are saved, and answered page by page.

use serde_json::{Value, json};
use testkit::problem_fields;

use crate::world::{World, price};

const VIEWS: &str = "/admin/v1/views";

async fn shelf(world: &World) {
    for (slug, cents, stock) in [("lamp", 1_250, 4), ("torch", 900, 0), ("bulb", 300, 40)] {
        world.create(slug, &[(&slug.to_uppercase(), cents, stock)]).await;
    }
}

fn cheap() -> Value {
    json!({
        "filter": {"field": "price_from", "op": "lt", "value": price(1_000)},
        "sort": ["-title"], "fields": ["title"], "limit": 1, "total": "exact",
    })
}

async fn save(world: &World, name: &str, entity: &str, query: &Value) -> Value {
    let (status, saved) = world.owner().post(VIEWS, &json!({"name": name, "entity": entity, "query": query})).await;
    assert_eq!(status, 201, "{saved}");
    saved
}

fn address(view: &Value) -> String {
    format!("{VIEWS}/{}", view["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_lists_what_its_query_finds_page_by_page() {
    let world = World::quiet().await;
    shelf(&world).await;
    let keyed = world.owner().with("idempotency-key", "view-1");
    let body = json!({"name": " Cheap ones ", "entity": "products", "query": cheap()});
    let made = keyed.post_reply(VIEWS, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(keyed.post_reply(VIEWS, &body).await.bytes, made.bytes);
    let view = made.json();
    assert_eq!(made.header("location"), Some(address(&view).as_str()));
    assert_eq!((&view["name"], &view["query"], &view["version"]), (&json!("Cheap ones"), &cheap(), &json!(1)));
    assert_eq!(world.owner().get(&address(&view)).await, (200, view.clone()));

    let items = format!("{}/items", address(&view));
    let (status, first) = world.owner().get(&items).await;
    assert_eq!(
        (status, &first["items"], &first["total"]["items"]),
        (200, &json!([{"title": "Product torch"}]), &json!(2))
    );
    let next = format!("{items}?cursor={}", first["next_cursor"].as_str().unwrap());
    let (status, second) = world.owner().get(&next).await;
    assert_eq!((status, &second["items"]), (200, &json!([{"title": "Product bulb"}])), "{second}");
    let (_, both) = world.owner().get(&format!("{items}?limit=2")).await;
    assert_eq!(both["items"].as_array().map(Vec::len), Some(2), "{both}");

    // The query is another one, so a cursor of before is of another list.
    let change = json!({"query": {"q": "lamp", "fields": ["slug"]}});
    let changed = world.owner().with("if-match", "\"1\"").patch(&address(&view), &change).await;
    assert_eq!((changed.0, &changed.1["version"], &changed.1["name"]), (200, &json!(2), &json!("Cheap ones")));
    let (status, problem) = world.owner().get(&next).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["cursor"]), "{problem}");
    assert_eq!(world.owner().get(&items).await.1["items"], json!([{"slug": "lamp"}]));
    let stale = world.owner().with("if-match", "\"1\"").patch(&address(&view), &json!({"name": "Late"})).await;
    assert_eq!((stale.0, &stale.1["current_version"]), (412, &json!(2)), "{}", stale.1);
    let same = world.owner().with("if-match", "\"2\"").patch(&address(&view), &json!({"name": "Cheap ones"})).await;
    assert_eq!((same.0, &same.1["version"]), (200, &json!(2)));

    let out =
        save(&world, "Sold out", "variants", &json!({"filter": {"field": "available", "op": "eq", "value": 0}})).await;
    let (_, empty) = world.owner().get(&format!("{}/items", address(&out))).await;
    assert_eq!(
        (empty["items"].as_array().map(Vec::len), &empty["items"][0]["sku"]),
        (Some(1), &json!("TORCH")),
        "{empty}"
    );
    let (_, all) = world.owner().get(VIEWS).await;
    let names: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|view| &view["name"]).collect();
    assert_eq!(names, [&json!("Cheap ones"), &json!("Sold out")]);
    let delete = async |view: &Value| world.owner().send(reqwest::Method::DELETE, &address(view), None).await.status;
    assert_eq!((delete(&out).await, delete(&out).await), (200, 404));
    assert_eq!(world.owner().get(&format!("{}/items", address(&out))).await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_is_not_saved_and_what_no_longer_can_stays_readable() {
    let world = World::quiet().await;
    shelf(&world).await;
    let wanted = |query: Value| json!({"name": "Odd", "entity": "products", "query": query});
    let is = |field: &str, value: Value| json!({"filter": {"field": field, "op": "eq", "value": value}});
    for (query, faulty) in [
        (is("on_hand", json!(1)), vec!["query.filter.field"]),
        (is("attributes.colour", json!("red")), vec!["query.filter.field"]),
        (json!({"sort": ["nothing"], "fields": []}), vec!["query.fields", "query.sort[0]"]),
        (json!({"cursor": "abc"}), vec!["query.cursor"]),
        (json!({"limit": 101}), vec!["query.limit"]),
        (json!({"words": "x"}), vec!["query.words"]),
        (json!({"filter": {"field": "title", "op": "in", "value": vec!["x".repeat(200); 90]}}), vec!["query"]),
    ] {
        let (status, problem) = world.owner().post(VIEWS, &wanted(query.clone())).await;
        let mut fields = problem_fields(&problem);
        fields.sort_unstable();
        assert_eq!((status, fields), (422, faulty), "{query}: {problem}");
    }
    for (body, faulty) in [
        (json!({"name": "", "entity": "products", "query": {}}), "name"),
        (json!({"name": "x", "entity": "orders", "query": {}}), "entity"),
        (json!({"name": "x", "entity": "products", "query": []}), "query"),
    ] {
        let (status, problem) = world.owner().post(VIEWS, &body).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec![faulty]), "{problem}");
    }
    let colour = json!({"code": "colour", "type": "text", "labels": {"en": "Colour"}});
    assert_eq!(world.owner().post("/admin/v1/attributes", &colour).await.0, 201);
    let query = is("attributes.colour", json!("red"));
    let red = save(&world, "Red", "products", &query).await;
    let items = format!("{}/items", address(&red));
    assert_eq!(world.owner().get(&items).await.0, 200);
    // The field has gone, as one of a later release may.
    world.execute("delete from attribute_definitions").await;
    let (status, problem) = world.owner().get(&items).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/view-outdated")), "{problem}");
    assert_eq!(problem_fields(&problem), ["query.filter.field"], "{problem}");
    assert_eq!(world.owner().get(&address(&red)).await.1["query"], query);
    let renamed = world.owner().with("if-match", "*").patch(&address(&red), &json!({"name": "Was red"})).await;
    assert_eq!(renamed.0, 200, "{}", renamed.1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_stand_once_and_there_is_a_bound() {
    let world = World::quiet().await;
    let first = save(&world, "Lamps", "products", &json!({})).await;
    let second = save(&world, "Lamps", "variants", &json!({})).await;
    let taken = json!({"name": "Lamps", "entity": "products", "query": {}});
    let (status, problem) = world.owner().post(VIEWS, &taken).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/view-name-taken")), "{problem}");
    let other = save(&world, "Others", "products", &json!({})).await;
    let (status, problem) =
        world.owner().with("if-match", "*").patch(&address(&other), &json!({"name": "Lamps"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/view-name-taken")), "{problem}");
    let saves = (0..12).map(|number| {
        let (owner, body) =
            (world.owner(), json!({"name": format!("V{}", number % 6), "entity": "products", "query": {}}));
        tokio::spawn(async move { owner.post(VIEWS, &body).await.0 })
    });
    let mut statuses = Vec::new();
    for save in saves.collect::<Vec<_>>() {
        statuses.push(save.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 6], [409; 6]].concat(), "those that are saved at once do not share a name");
    world
        .execute(
            "insert into saved_views select org_id, gen_random_uuid(), place, 'products', 'n' || place, '{}', 1, now(), now()
             from (select distinct org_id from saved_views) o, generate_series(1, 200) as place on conflict do nothing",
        )
        .await;
    assert_eq!(world.value("select count(*) from saved_views").await, "200");
    let one_more = json!({"name": "One more", "entity": "products", "query": {}});
    let (status, problem) = world.owner().post(VIEWS, &one_more).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-views")), "{problem}");
    for gone in [&first, &second] {
        assert_eq!(world.owner().send(reqwest::Method::DELETE, &address(gone), None).await.status, 200);
    }
    assert_eq!(world.owner().post(VIEWS, &one_more).await.0, 201);
    world.stop().await;
}
