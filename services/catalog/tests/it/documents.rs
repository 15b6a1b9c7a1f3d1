//! The README and the written OpenAPI document say what the code does.

#[test]
fn the_readme_names_every_variable_of_this_service() {
    let readme = include_str!("../../README.md");
    // Those of the boot kit stand in its own README.
    let kit = service::config::variables(|_| None::<()>);
    let own = service::config::variables(catalog::config::read);
    let missing: Vec<_> = own
        .iter()
        .map(|variable| variable.name)
        .filter(|name| kit.iter().all(|shared| shared.name != *name))
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}

#[test]
fn the_readme_names_every_route() {
    let readme = include_str!("../../README.md");
    let routes = catalog::http::routes();
    let paths = routes.openapi()["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 9);
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys().filter(|key| ["get", "post", "patch"].contains(&key.as_str())) {
            let line = readme.lines().find(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(method.to_uppercase().as_str()) && words.next() == Some(path.as_str())
            });
            assert!(line.is_some(), "the README does not name {method} {path}");
        }
    }
}

#[test]
fn the_written_document_is_the_one_that_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/catalog.json");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(&written == catalog::http::routes().openapi(), "{path} is not what the code says; run `make openapi`");
}
