//! The README and the written OpenAPI document say what the code does.

use testkit::documents::{assert_names_routes, assert_written};

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_names_every_route() {
    assert_names_routes(README, notifier::http::routes().openapi());
}

#[test]
fn the_written_document_is_the_one_that_the_code_makes() {
    assert_written("notifier", notifier::http::routes().openapi());
}
