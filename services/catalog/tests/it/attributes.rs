//! Attributes: defined by the organisation, kept by its products.

use serde_json::{Value, json};
use testkit::{Caller, problem_fields};

use crate::world::{World, product};

async fn define(world: &World, body: Value) -> Value {
    let (status, defined) = world.owner().post("/admin/v1/attributes", &body).await;
    assert_eq!(status, 201, "{defined}");
    defined
}

async fn world_with_attributes() -> World {
    let world = World::quiet().await;
    let labels = |text: &str| json!({"en": text});
    define(&world, json!({"code": "colour", "type": "choice", "choices": ["red", "blue"], "labels": labels("Colour")}))
        .await;
    define(&world, json!({"code": "power", "type": "number", "unit": "W", "labels": labels("Power")})).await;
    define(&world, json!({"code": "launched", "type": "date", "labels": labels("Launched")})).await;
    world
}

fn with(slug: &str, attributes: Value) -> Value {
    let mut body = product(slug, &[(slug, 100, 1)]);
    body["attributes"] = attributes;
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_is_defined_read_and_changed() {
    let world = world_with_attributes().await;
    let (status, all) = world.owner().get("/admin/v1/attributes").await;
    let codes: Vec<&str> = all["items"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!((status, codes), (200, vec!["colour", "power", "launched"]));
    let twice = json!({"code": "colour", "type": "text", "labels": {"en": "Colour"}});
    let (status, problem) = world.owner().post("/admin/v1/attributes", &twice).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/attribute-taken")), "{problem}");

    let path = "/admin/v1/attributes/colour";
    let change = json!({"labels": {"vi": "Màu"}, "new_choices": ["red", "green"]});
    assert_eq!(world.owner().patch(path, &change).await.0, 428);
    let (status, changed) = world.owner().with("if-match", "\"1\"").patch(path, &change).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(changed["choices"], json!(["red", "blue", "green"]));
    assert_eq!(changed["labels"], json!({"en": "Colour", "vi": "Màu"}));
    assert_eq!(world.owner().get(path).await.1, changed);
    let (status, problem) = world.owner().with("if-match", "\"1\"").patch(path, &change).await;
    assert_eq!((status, &problem["current_version"]), (412, &json!(2)), "{problem}");
    let (status, problem) = world.owner().with("if-match", "*").patch(path, &json!({"type": "text"})).await;
    assert!(status == 422 && problem.to_string().contains("type"), "the type never changes: {problem}");
    assert_eq!(world.owner().get("/admin/v1/attributes/size").await.0, 404);

    let wrong = json!({"code": "Size", "type": "choice", "unit": "cm", "labels": {}});
    let (status, problem) = world.owner().post("/admin/v1/attributes", &wrong).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["code"]), "{problem}");
    let wrong = json!({"code": "size", "type": "choice", "unit": "cm", "labels": {}});
    let (status, problem) = world.owner().post("/admin/v1/attributes", &wrong).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["choices", "labels", "unit"]), "{problem}");

    assert_eq!(world.client(Caller::Viewer).get(path).await.0, 200);
    assert_eq!(world.client(Caller::Viewer).post("/admin/v1/attributes", &twice).await.0, 403);
    assert_eq!(world.client(Caller::OtherOrganisation).get(path).await.0, 404);
    assert_eq!(world.client(Caller::OtherOrganisation).post("/admin/v1/attributes", &twice).await.0, 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_has_values_of_the_attributes_that_are_defined() {
    let world = world_with_attributes().await;
    let right = json!({"colour": "red", "power": 7.0, "launched": "2026-02-28"});
    let (status, lamp) = world.owner().post("/admin/v1/products", &with("lamp", right)).await;
    assert_eq!((status, &lamp["attributes"]), (201, &json!({"colour": "red", "power": 7, "launched": "2026-02-28"})));
    let path = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    let any = world.owner().with("if-match", "*");

    let wrong = json!({"colour": "green", "power": "7 W", "launched": "2026-02-30", "size": "L"});
    let (status, problem) = world.owner().post("/admin/v1/products", &with("desk", wrong.clone())).await;
    let fields = vec!["attributes.colour", "attributes.launched", "attributes.power", "attributes.size"];
    assert_eq!((status, problem_fields(&problem)), (422, fields.clone()), "{problem}");
    let (status, problem) = any.patch(&path, &json!({"attributes": wrong})).await;
    assert_eq!((status, problem_fields(&problem)), (422, fields), "{problem}");
    let reasons = problem["errors"].to_string();
    for reason in ["must be one of red, blue", "there are colour, power, launched", "a number of W"] {
        assert!(reasons.contains(reason), "{reason}: {reasons}");
    }

    let (status, changed) = any.patch(&path, &json!({"attributes": {"colour": "blue", "power": null}})).await;
    assert_eq!((status, &changed["attributes"]), (200, &json!({"colour": "blue", "launched": "2026-02-28"})));
    let (_, cleared) = any.patch(&path, &json!({"attributes": null})).await;
    assert_eq!(cleared["attributes"], json!({}));
    let theirs = world.client(Caller::OtherOrganisation);
    let (status, problem) = theirs.post("/admin/v1/products", &with("lamp", json!({"colour": "red"}))).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["attributes.colour"]), "{problem}");
    assert!(problem.to_string().contains("which has none"), "nothing of ours is told: {problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_that_are_created_at_once_are_all_there() {
    let world = World::quiet().await;
    let attempts: Vec<_> = (0..6)
        .map(|number| {
            let owner = world.owner();
            let body = json!({"code": format!("a{number}"), "type": "boolean", "labels": {"en": "A"}});
            tokio::spawn(async move { owner.post("/admin/v1/attributes", &body).await })
        })
        .collect();
    for attempt in attempts {
        let (status, reply) = attempt.await.unwrap();
        // Who was overtaken too often is told to try again.
        assert!(matches!(status, 201 | 503), "{reply}");
    }
    let positions =
        world.value("select string_agg(position::text, ',' order by position) from attribute_definitions").await;
    let count: usize = positions.split(',').count();
    assert_eq!(positions, (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(","));
    world.stop().await;
}
