//! The document says what the routes do, because it comes from the same lines.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::api::{World, ask, routes};

fn operation<'d>(document: &'d Value, path: &str, method: &str) -> &'d Value {
    let operation = &document["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not in the document");
    operation
}

#[test]
fn every_route_is_in_the_document_with_its_permission() {
    let routes = routes();
    let document = routes.openapi();
    assert_eq!(document["openapi"], "3.1.0");
    for route in routes.table() {
        let operation = operation(document, &route.path, &route.method.to_lowercase());
        assert_eq!(operation["operationId"], route.operation);
        assert_eq!(operation["x-permission"].as_str(), route.permission.as_deref());
    }
    let create = operation(document, "/things", "post");
    assert_eq!(create["x-permission"], access::Permission::ProductWrite.to_string());
    assert_eq!(create["operationId"], "test.create-thing");
    assert_eq!(create["security"], json!([{"bearer": []}]));
}

#[test]
fn parameters_bodies_and_replies_come_from_the_handler() {
    let routes = routes();
    let create = operation(routes.openapi(), "/things", "post");
    let names: Vec<&str> =
        create["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Idempotency-Key"]);
    assert_eq!(
        create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/ThingBody"
    );
    for status in ["201", "400", "401", "403", "408", "409", "413", "415", "422", "default"] {
        assert!(create["responses"][status].is_object(), "{status} is not documented: {}", create["responses"]);
    }
    assert!(create["responses"]["409"]["description"].as_str().unwrap().contains("sku-taken"));

    let find = operation(routes.openapi(), "/things/{thing}", "get");
    assert_eq!(find["parameters"][0]["name"], "thing");
    assert_eq!(find["parameters"][0]["in"], "path");
    let list = operation(routes.openapi(), "/things", "get");
    assert_eq!(list["parameters"][0]["schema"]["type"], "integer", "a query parameter is never null");
}

#[test]
fn bounds_and_models_are_in_the_schemas_once() {
    let routes = routes();
    let schemas = &routes.openapi()["components"]["schemas"];
    let thing = &schemas["ThingBody"];
    assert_eq!(thing["properties"]["title"]["maxLength"], 10);
    assert_eq!(thing["additionalProperties"], false);
    assert_eq!(schemas["PartBody"]["properties"]["quantity"]["maximum"], 100);
    assert!(schemas["Problem"].is_object());
    assert!(schemas["ThingPath"].is_null() && schemas["ThingFilter"].is_null(), "parameters are no models");
    // No reference leads nowhere.
    let text = routes.openapi().to_string();
    for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(routes.openapi().pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn a_file_and_an_enum_stand_in_the_document_as_generators_of_clients_can_read_them() {
    let routes = routes();
    let document = routes.openapi();
    let import = operation(document, "/import", "post");
    for kind in ["text/csv", "application/x-ndjson"] {
        assert_eq!(import["requestBody"]["content"][kind]["schema"], json!({"type": "string", "format": "binary"}));
    }
    let colour = &document["components"]["schemas"]["Colour"];
    assert_eq!((&colour["type"], &colour["enum"]), (&json!("string"), &json!(["red", "dark-blue"])), "{colour}");
    assert_eq!(colour["description"], "A colour.\n\n- `red`: Like a rose.\n- `dark-blue`: Like the sea.");
}

#[test]
fn problem_types_are_listed_once_each() {
    let routes = routes();
    let listed = routes.openapi()["x-problems"].as_array().unwrap();
    assert_eq!(listed.len(), rest::problems::ALL.len() + 1);
    let mut slugs: Vec<&str> = routes.problem_types().iter().map(|kind| kind.slug()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), listed.len(), "a slug stands for two types");
    for kind in rest::problems::ALL {
        assert!((400..600).contains(&kind.status()) && !kind.title().ends_with('.'), "{kind:?}");
        assert!(kind.slug().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{kind:?}");
    }
}

#[test]
fn building_the_document_twice_on_one_thread_gives_the_same() {
    assert_eq!(routes().openapi(), routes().openapi());
}

#[actix_web::test]
async fn the_document_is_served() {
    let answer = ask(&World::new(), TestRequest::get().uri("/openapi.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(&answer.json(), routes().openapi());
}

#[test]
fn the_page_asks_no_outside_validator() {
    let page = rest::documents::swagger_page("Cyber Store", "/openapi.json");
    assert!(page.contains("\"validatorUrl\": null") && page.contains("/openapi.json"));
}
