//! The README and the written OpenAPI document say what the code does.

use contracts::topics;
use testkit::documents::{assert_names_routes, assert_names_variables, assert_written};

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_names_every_variable_of_this_service() {
    assert_names_variables(README, &service::settings::variables(order::config::read));
}

#[test]
fn the_readme_names_every_route_problem_and_topic() {
    let routes = order::http::routes();
    assert_names_routes(README, routes.openapi());
    let shared = rest::problems::ALL;
    let own = routes.problem_types().iter().filter(|kind| !shared.contains(kind));
    let mut wanted: Vec<String> = own.map(|kind| format!("`{}`", kind.slug())).collect();
    let own = [topics::ORDER, topics::INTAKE];
    let topics =
        own.into_iter().chain([topics::RESERVATION, topics::PRODUCT, topics::SIGNING_KEY, topics::ORGANISATION]);
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
    assert_written("order", order::http::routes().openapi());
}
