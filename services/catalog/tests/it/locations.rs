//! Pieces at several places, moved between them, and sold from their sum.

use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::orders::placed;
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
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 11, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (12, 11, 0)).await;
    let split = json!([
        {"location": "default", "pieces": 4}, {"location": "hanoi", "pieces": 3}, {"location": "hue", "pieces": 4},
    ]);
    assert_eq!(world.places(11).await.1, split);

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
    let (status, changed) = world.owner().with("if-match", "\"1\"").patch(path, &closed).await;
    assert_eq!((status, &changed["version"], &changed["priority"]), (200, &json!(2), &json!(3)), "{changed}");
    assert_eq!(world.owner().with("if-match", "\"1\"").patch(path, &closed).await.0, 412);
    assert_eq!(world.owner().with("if-match", "*").patch("/admin/v1/locations/hue", &closed).await.0, 404);
    assert_eq!(world.places(1).await.1, json!([]), "nobody who is active has any");
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
