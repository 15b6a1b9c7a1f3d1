//! Whether a service's README and its written OpenAPI document say what the code does.
//!
//! The rule it keeps: each check names what is missing and what to run.

use serde_json::Value;
use service::config::Variable;

use crate::must;

/// The README names every variable of the service in backquotes, apart from those of the boot kit, whose own README has
/// them.
///
/// # Panics
/// With the names that are missing.
pub fn assert_names_variables(readme: &str, read: &[Variable]) {
    let kit = service::settings::variables(|_| None::<()>);
    let own = read.iter().filter(|variable| kit.iter().all(|known| known.name != variable.name));
    let missing: Vec<&str> =
        own.map(|variable| variable.name).filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}

/// Some line of the README begins with the method and the path of every route.
///
/// # Panics
/// With the routes that are missing, or when there is no route at all.
pub fn assert_names_routes(readme: &str, openapi: &Value) {
    let paths = openapi["paths"].as_object().into_iter().flatten();
    let routes: Vec<(String, &str)> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
            methods
                .filter(|method| ["GET", "POST", "PATCH", "PUT", "DELETE"].contains(&method.as_str()))
                .map(move |method| (method, path.as_str()))
        })
        .collect();
    assert!(!routes.is_empty(), "the document has no route");
    let plain = readme.replace(['`', '|'], " ");
    let lines: Vec<(Option<&str>, Option<&str>)> = plain
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next(), words.next())
        })
        .collect();
    let missing: Vec<_> = routes.iter().filter(|(method, path)| !lines.contains(&(Some(method), Some(path)))).collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}

/// `docs/openapi/<service>.json` is the document that the code makes.
///
/// # Panics
/// When it is missing or another one.
pub fn assert_written(service: &str, openapi: &Value) {
    let path = format!("{}/../../docs/openapi/{service}.json", env!("CARGO_MANIFEST_DIR"));
    let written: Value = must(serde_json::from_slice(&must(std::fs::read(&path), &path)), &path);
    assert!(&written == openapi, "docs/openapi/{service}.json is not what the code says; run `make openapi`");
}
