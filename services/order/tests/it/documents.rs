//! The README and the written OpenAPI document say what the code does.

use contracts::topics;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_names_every_variable_with_its_default() {
    // Those of the boot kit stand in its own README.
    let kit = service::config::variables(|_| None::<()>);
    let own = service::config::variables(order::config::read);
    let missing: Vec<_> = own
        .iter()
        .map(|variable| variable.name)
        .filter(|name| kit.iter().all(|shared| shared.name != *name))
        .filter(|name| !README.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}

#[test]
fn the_readme_names_every_route_problem_and_topic() {
    let routes = order::http::routes();
    assert_eq!(routes.table().len(), 6);
    let mut wanted: Vec<String> =
        routes.table().iter().map(|route| format!("`{} {}`", route.method, route.path)).collect();
    let shared = rest::problems::ALL;
    let own = routes.problem_types().iter().filter(|kind| !shared.contains(kind));
    wanted.extend(own.map(|kind| format!("`{}`", kind.slug())));
    let topics = [topics::ORDER, topics::RESERVATION, topics::PRODUCT, topics::SIGNING_KEY, topics::ORGANISATION];
    wanted.extend(topics.map(|topic| format!("`{}`", topic.name)));
    let missing: Vec<_> = wanted.into_iter().filter(|text| !README.contains(text)).collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}

#[test]
fn every_route_states_a_permission() {
    for route in order::http::routes().table() {
        assert!(route.permission.is_some(), "{} {}", route.method, route.path);
    }
}

#[test]
fn the_written_document_is_the_one_that_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/order.json");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(&written == order::http::routes().openapi(), "{path} is not what the code says; run `make openapi`");
}
