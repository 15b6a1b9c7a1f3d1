//! Pieces at several places, moved between them, and sold from their sum.

use contracts::catalog::ReservationEvent;
use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::orders::{cancelled, placed};
use crate::world::{PATIENCE, World};

impl World {
    async fn location(&self, code: &str, priority: i64) {
        let body = json!({"code": code, "name": code, "priority": priority});
        let (status, created) = self.owner().post("/admin/v1/locations", &body).await;
        assert_eq!((status, &created["active"]), (201, &json!(true)), "{created}");
    }

    async fn does(&self, what: &str, body: Value) -> (u16, Value) {
        self.owner().post(&format!("/admin/v1/stock/LAMP/{what}"), &body).await
    }

    /// What each place has, and who serves so many pieces.
    async fn places(&self, pieces: i64) -> (Vec<(String, i64)>, Value) {
        let (status, body) = self.owner().get(&format!("/admin/v1/stock/LAMP/places?pieces={pieces}")).await;
        assert_eq!(status, 200, "{body}");
        let places = body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| (place["location"].as_str().unwrap().to_owned(), place["on_hand"].as_i64().unwrap()));
        (places.collect(), body["serving"].clone())
    }

    /// Which places serve each SKU of an order, as order hears it.
    async fn serving(&self, order: OrderId) -> Value {
        eventually(PATIENCE, async || {
            self.said::<ReservationEvent>().await.into_iter().find_map(|(_, event)| match event {
                ReservationEvent::Reserved(reserved) if reserved.order == order => {
                    let lines = reserved.lines.into_iter().map(|line| {
                        let serving = line.serving.into_iter();
                        let places = serving.map(|one| json!({"location": one.location, "pieces": one.quantity}));
                        (line.sku.to_string(), places.collect::<Value>())
                    });
                    Some(Value::Object(lines.collect()))
                }
                _ => None,
            })
        })
        .await
    }

    /// What the ledger says of each place is what the place has.
    async fn assert_places_agree(&self) {
        let off = self
            .value(
                "select count(*) from (
                   select org_id, sku, location, on_hand from location_levels
                   union all select org_id, sku, null, on_hand - located from stock) l
                 left join (select org_id, sku, location, sum(on_hand_delta) as pieces from movements group by 1, 2, 3) m
                   on m.org_id = l.org_id and m.sku = l.sku and m.location is not distinct from l.location
                 where l.on_hand <> coalesce(m.pieces, 0)",
            )
            .await;
        assert_eq!(off, "0", "places whose level and ledger differ");
        self.assert_books_agree().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_move_between_locations_and_orders_take_from_the_sum() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    world.location("hanoi", 1).await;
    world.location("hue", 2).await;
    let (status, moved) = world.does("transfer", json!({"to": "hanoi", "pieces": 6, "reason": "fair"})).await;
    assert_eq!((status, &moved["on_hand"]), (201, &json!(10)), "{moved}");
    assert_eq!(world.does("transfer", json!({"from": "hanoi", "to": "hue", "pieces": 2})).await.0, 201);
    assert_eq!(world.does("adjust", json!({"delta": 3, "location": "hue"})).await.0, 201);
    let (status, counted) = world.does("count", json!({"counted": 3, "location": "hanoi"})).await;
    assert_eq!((status, &counted["on_hand"]), (201, &json!(12)), "{counted}");
    let (places, serving) = world.places(5).await;
    let has = |code: &str, pieces| (code.to_owned(), pieces);
    assert_eq!(places, [has("default", 4), has("hanoi", 3), has("hue", 5)]);
    assert_eq!(serving, json!([{"location": "hue", "pieces": 5}]));

    // More than any place has.
    let split = json!([
        {"location": "default", "pieces": 4}, {"location": "hanoi", "pieces": 3}, {"location": "hue", "pieces": 4},
    ]);
    assert_eq!(world.places(11).await.1, split);
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 11, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (12, 11, 0)).await;
    assert_eq!(world.serving(order).await, json!({"LAMP": split}));
    assert_eq!(world.places(11).await.1, json!([{"location": "hue", "pieces": 1}]), "what is left for others");

    for (what, body, wanted) in [
        ("transfer", json!({"to": "hue", "pieces": 5}), 409),
        ("adjust", json!({"delta": -4, "location": "hanoi"}), 409),
        ("adjust", json!({"delta": -2}), 409),
        ("adjust", json!({"delta": 1, "location": "nowhere"}), 422),
        ("transfer", json!({"to": "nowhere", "pieces": 1}), 422),
        ("transfer", json!({"from": "hue", "to": "hue", "pieces": 1}), 422),
        ("transfer", json!({"pieces": 1}), 422),
        ("transfer", json!({"to": "hue", "pieces": 0}), 422),
    ] {
        let (status, problem) = world.does(what, body.clone()).await;
        assert_eq!(status, wanted, "{what} {body}: {problem}");
    }
    let (_, page) = world.owner().get("/admin/v1/stock/LAMP/movements?limit=100").await;
    let told: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|one| {
            format!("{} {} {}", one["kind"].as_str().unwrap(), one["on_hand"], one["location"].as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "adjust 10 -",
            "transfer -6 -",
            "transfer 6 hanoi",
            "transfer -2 hanoi",
            "transfer 2 hue",
            "adjust 3 hue",
            "count -1 hanoi",
            "reserve 0 -",
        ]
    );
    world.assert_places_agree().await;

    // A file says the sum, and the default location has the difference.
    let (lines, _) = world.import("text/csv", "slug,sku,stock\nlamp,LAMP,15\n").await;
    assert_eq!(lines[0]["result"], "updated", "{lines:?}");
    assert_eq!(world.places(1).await.0[0], has("default", 7));
    world.assert_places_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_is_created_once_and_changes_in_the_version_that_was_read() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    world.location("hanoi", 3).await;
    for (body, wanted, faulty) in [
        (json!({"code": "hanoi", "name": "Again", "priority": 1}), 409, vec!["code"]),
        (json!({"code": "default", "name": "D", "priority": 1}), 422, vec!["code"]),
        (json!({"code": "No Code", "name": "", "priority": 9_999}), 422, vec!["code", "name", "priority"]),
    ] {
        let (status, problem) = world.owner().post("/admin/v1/locations", &body).await;
        assert_eq!((status, problem_fields(&problem)), (wanted, faulty), "{problem}");
    }
    assert_eq!(world.does("transfer", json!({"to": "hanoi", "pieces": 10})).await.0, 201);
    let path = "/admin/v1/locations/hanoi";
    let closed = json!({"active": false, "name": "Closed"});
    // What orders may be promised does not lie where nobody sends it from.
    let (status, problem) = world.owner().with("if-match", "\"1\"").patch(path, &closed).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/location-not-empty")), "{problem}");
    assert_eq!(world.does("transfer", json!({"from": "hanoi", "to": "default", "pieces": 10})).await.0, 201);
    let (status, changed) = world.owner().with("if-match", "\"1\"").patch(path, &closed).await;
    assert_eq!((status, &changed["version"], &changed["priority"]), (200, &json!(2), &json!(3)), "{changed}");
    assert_eq!(world.owner().with("if-match", "\"1\"").patch(path, &closed).await.0, 412);
    assert_eq!(world.owner().with("if-match", "*").patch("/admin/v1/locations/hue", &closed).await.0, 404);
    for (what, body) in [
        ("transfer", json!({"to": "hanoi", "pieces": 1})),
        ("adjust", json!({"location": "hanoi", "delta": 1})),
        ("count", json!({"location": "hanoi", "counted": 1})),
    ] {
        let (status, problem) = world.does(what, body).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/stock-conflict")), "{what}: {problem}");
    }
    let rows = json!({"levels": [{"sku": "LAMP", "location": "hanoi", "delta": 1, "reason": "brought"}]});
    let (status, done) = world.owner().post("/admin/v1/stock/bulk", &rows).await;
    assert_eq!((status, &done["failed"]), (201, &json!(1)), "{done}");
    let (_, listed) = world.owner().get("/admin/v1/locations").await;
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["name"]), (1, &json!("Closed")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_more_locations_than_there_may_be() {
    let world = World::quiet().await;
    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "insert into locations (org_id, code, name, priority, created_at, updated_at)
             select '{organisation}', 'place-' || n, 'Place', 1, now(), now() from generate_series(1, 46) n"
        ))
        .await;
    let created = (0..12).map(|number| {
        let owner = world.owner();
        let body = json!({"code": format!("shop-{number}"), "name": "Shop", "priority": 1});
        tokio::spawn(async move { owner.post("/admin/v1/locations", &body).await })
    });
    let mut refused = 0;
    for one in created.collect::<Vec<_>>() {
        let (status, body) = one.await.unwrap();
        if status != 201 {
            assert_eq!((status, &body["type"]), (409, &json!("/problems/too-many-locations")), "{body}");
            refused += 1;
        }
    }
    assert_eq!((refused, world.value("select count(*) from locations").await.as_str()), (8, "50"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_organisation_says_which_places_serve_its_orders() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 3), ("BULB", 100, 3)]).await;
    world.location("hanoi", 2).await;
    world.location("hue", 1).await;
    for (sku, location, pieces) in [("LAMP", "hanoi", 9), ("BULB", "hanoi", 9), ("LAMP", "hue", 4), ("BULB", "hue", 1)]
    {
        let body = json!({"delta": pieces, "location": location});
        assert_eq!(world.owner().post(&format!("/admin/v1/stock/{sku}/adjust"), &body).await.0, 201);
    }
    let orders = async |lines: &[(&str, i64, i64)]| {
        let order = OrderId::new();
        world.scene.publish(1, &placed(order, lines, 300)).await;
        (order, world.serving(order).await)
    };
    let from = |location: &str, pieces: i64| json!([{"location": location, "pieces": pieces}]);
    let path = "/admin/v1/stock-settings";
    let (status, settings) = world.owner().get(path).await;
    assert_eq!((status, &settings["serving_rule"]), (200, &json!("priority-then-most-available")), "{settings}");
    let (usual, served) = orders(&[("LAMP", 2, 500), ("BULB", 2, 100)]).await;
    assert_eq!(served, json!({"LAMP": from("default", 2), "BULB": from("default", 2)}));

    let choose = async |rule: &str, version: &str| {
        world.owner().with("if-match", version).patch(path, &json!({"serving_rule": rule})).await
    };
    assert_eq!(choose("nearest", "*").await.0, 422);
    assert_eq!(choose("most-available", "\"7\"").await.0, 412);
    let (status, changed) = choose("most-available", "\"1\"").await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    let (_, served) = orders(&[("LAMP", 2, 500), ("BULB", 2, 100)]).await;
    assert_eq!(served, json!({"LAMP": from("hanoi", 2), "BULB": from("hanoi", 2)}));

    // The default location has one of each left, and hue not enough of both.
    assert_eq!(choose("single-location-first", "\"2\"").await.0, 200);
    let (_, served) = orders(&[("LAMP", 1, 500), ("BULB", 2, 100)]).await;
    assert_eq!(served, json!({"LAMP": from("hanoi", 1), "BULB": from("hanoi", 2)}));

    // What an order gives back is there for the next one.
    world.scene.publish(2, &cancelled(usual)).await;
    eventually(PATIENCE, async || {
        let left = world.places(3).await.1;
        if left == from("default", 3) { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(choose("priority-then-most-available", "*").await.0, 200);
    let (_, served) = orders(&[("LAMP", 3, 500)]).await;
    assert_eq!(served, json!({"LAMP": from("default", 3)}));
    world.assert_places_agree().await;

    let viewer = world.client(testkit::Caller::Viewer);
    assert_eq!(viewer.get(path).await.0, 200);
    assert_eq!(viewer.with("if-match", "*").patch(path, &json!({"serving_rule": "most-available"})).await.0, 403);
    let stranger = world.client(testkit::Caller::OtherOrganisation);
    assert_eq!(stranger.get(path).await.1["version"], json!(1), "it has chosen nothing");
    world.stop().await;
}
