//! Where a body means an object, a list will not do: the order of fields is no part of the API.

use serde_json::{Value, json};

use crate::api::{World, ask, json_post};

/// The parts of this body that `/echo` reads, each object once as a list in the order of its fields.
fn by_position() -> [(&'static str, Value); 5] {
    let price = json!({"amount": "1.50", "currency": "USD"});
    let part = json!({"sku": "A", "quantity": 1, "price": price});
    [
        ("", json!(["a", [part], null])),
        ("parts[0]", json!({"title": "a", "parts": [["A", 1, price]]})),
        ("parts[1]", json!({"title": "a", "parts": [part, ["A", 1, null]]})),
        ("parts[0].price", json!({"title": "a", "parts": [{"sku": "A", "quantity": 1, "price": ["1.50", "USD"]}]})),
        ("note", json!({"title": "a", "note": ["a text", "red"]})),
    ]
}

#[actix_web::test]
async fn a_list_where_an_object_is_meant_is_refused_by_its_path() {
    let world = World::new();
    for (field, body) in by_position() {
        let answer = ask(&world, json_post("/echo", &body.to_string())).await;
        assert_eq!(answer.status, 422, "{body} was taken");
        let problem = answer.problem("invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["errors"][0]["reason"].as_str().is_some_and(|it| it.contains("object")), "{problem}");
        assert_eq!(answer.fields(), [field], "{problem}");
    }
}

#[actix_web::test]
async fn an_empty_list_is_no_object_either_and_what_else_is_wrong_is_named_beside_it() {
    let body = json!({"title": "a", "parts": [[], {"sku": 5, "quantity": 1}], "note": []});
    let answer = ask(&World::new(), json_post("/echo", &body.to_string())).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.fields(), ["note", "parts[0]", "parts[1].sku"]);
}
