//! What every route keeps, read from `docs/openapi`: a test of each service holds its document equal to its code.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sources::{Tree, hold};

/// One operation of one service's document.
struct Operation {
    service: String,
    method: String,
    path: String,
    said: Value,
    models: Value,
}

impl Operation {
    fn place(&self) -> String {
        format!("{}: {} {}", self.service, self.method.to_uppercase(), self.path)
    }

    fn takes(&self, header: &str) -> bool {
        let parameters = self.said["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        parameters.iter().any(|parameter| parameter["in"] == "header" && parameter["name"] == header)
    }

    fn answers(&self, status: &str) -> bool {
        self.said["responses"].get(status).is_some()
    }
}

fn operations(tree: &Tree) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, text) in &tree.files {
        let service = path.strip_prefix("docs/openapi/").and_then(|name| name.strip_suffix(".json"));
        let (Some(service), Ok(document)) = (service, serde_json::from_str::<Value>(text)) else { continue };
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in ["get", "put", "post", "patch", "delete"] {
                if let Some(said) = item.get(method) {
                    all.push(Operation {
                        service: service.to_owned(),
                        method: method.to_owned(),
                        path: path.clone(),
                        said: said.clone(),
                        models: document["components"]["schemas"].clone(),
                    });
                }
            }
        }
    }
    all
}

/// A document with one operation, for fixtures.
fn with(operation: &str) -> String {
    format!(r#"{{"paths": {{"/admin/v1/things": {{"post": {operation}}}}}}}"#)
}

fn services_without_document(tree: &Tree) -> Vec<String> {
    tree.services()
        .into_iter()
        .filter(|service| tree.files.contains_key(&format!("services/{service}/src/http/mod.rs")))
        .map(|service| format!("docs/openapi/{service}.json"))
        .filter(|document| !tree.files.contains_key(document))
        .map(|document| format!("{document} is missing; run `make openapi`"))
        .collect()
}

#[test]
fn every_service_with_routes_has_its_document() {
    hold(services_without_document, &[("services/order/src/http/mod.rs", "//! x")]);
}

/// Whether a text of this schema has an end.
fn text_is_bounded(schema: &Value) -> bool {
    let pattern = schema["pattern"].as_str().is_some_and(|pattern| {
        pattern.starts_with('^')
            && pattern.ends_with('$')
            && !["*", "+", ",}"].iter().any(|sign| pattern.contains(sign))
    });
    let format = schema["format"].as_str().is_some_and(|format| ["date-time", "date", "uuid"].contains(&format));
    ["maxLength", "enum", "const"].iter().any(|name| schema.get(name).is_some()) || pattern || format
}

fn loose_ends(models: &Value, schema: &Value, at: &str, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        if seen.insert(name.to_owned()) {
            loose_ends(models, &models[name], name, seen, found);
        }
        return;
    }
    let is = |kind: &str| {
        schema["type"] == kind || schema["type"].as_array().is_some_and(|it| it.iter().any(|one| one == kind))
    };
    if is("string") && !text_is_bounded(schema) {
        found.push(format!("{at} is a text without a bound"));
    }
    if is("array") && schema.get("maxItems").is_none() {
        found.push(format!("{at} is a list without a bound"));
    }
    if is("object") && schema["additionalProperties"] != false {
        found.push(format!("{at} takes unknown fields"));
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        loose_ends(models, member, &format!("{at}.{name}"), seen, found);
    }
    for (pattern, member) in schema["patternProperties"].as_object().into_iter().flatten() {
        if !text_is_bounded(&serde_json::json!({"pattern": pattern})) {
            found.push(format!("{at} takes names without a bound"));
        }
        loose_ends(models, member, &format!("{at}.*"), seen, found);
    }
    if schema["items"].is_object() {
        loose_ends(models, &schema["items"], &format!("{at}[]"), seen, found);
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        for one in schema[alternatives].as_array().into_iter().flatten() {
            loose_ends(models, one, at, seen, found);
        }
    }
}

fn loose_bodies(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(tree) {
        let Some(schema) = operation.said.pointer("/requestBody/content/application~1json/schema") else { continue };
        let mut ends = Vec::new();
        loose_ends(&operation.models, schema, "the body", &mut BTreeSet::new(), &mut ends);
        found.extend(ends.into_iter().map(|end| format!("{}: {end}", operation.place())));
    }
    found
}

#[test]
fn bodies_take_no_unknown_field_and_bound_every_text_and_list() {
    let body = |schema: &str| {
        with(&format!(r#"{{"requestBody": {{"content": {{"application/json": {{"schema": {schema}}}}}}}}}"#))
    };
    for loose in [
        r#"{"type": "object", "properties": {}}"#,
        r#"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}}"#,
        r#"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": ["string", "null"]}}}"#,
        r#"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "pattern": "^a+$"}}}"#,
        r#"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}"#,
        r#"{"type": "array", "maxItems": 3, "items": {"anyOf": [{"type": "null"}, {"type": "string"}]}}"#,
        r#"{"type": "object", "additionalProperties": false, "patternProperties": {"^[a-z]{1,9}$": {"type": "string"}}}"#,
        r#"{"type": "object", "additionalProperties": false, "patternProperties": {"^[a-z]+$": {"type": "integer"}}}"#,
    ] {
        let fixture = Tree::fixture(&[("docs/openapi/order.json", body(loose).as_str())]);
        assert_eq!(loose_bodies(&fixture).len(), 1, "not noticed: {loose}");
    }
    let tight = r#"{"type": "object", "additionalProperties": false, "properties":
        {"a": {"type": "string", "maxLength": 9}, "b": {"type": "string", "pattern": "^[A-Z]{3}$"}, "c": {"type": "integer"}}}"#;
    assert!(loose_bodies(&Tree::fixture(&[("docs/openapi/order.json", body(tight).as_str())])).is_empty());
    hold(loose_bodies, &[("docs/openapi/order.json", body(r#"{"type": "string"}"#).as_str())]);
}

fn routes_without_permission(tree: &Tree) -> Vec<String> {
    operations(tree)
        .iter()
        .filter(|operation| match operation.said.get("x-permission") {
            Some(Value::String(permission)) => permission.is_empty(),
            Some(Value::Null) => {
                !operation.said["description"].as_str().is_some_and(|text| text.contains("Needs no permission: "))
            }
            _ => true,
        })
        .map(|operation| format!("{} states no permission", operation.place()))
        .collect()
}

#[test]
fn every_route_states_its_permission_or_why_it_needs_none() {
    let silent = with(r#"{"x-permission": null, "description": "Open."}"#);
    assert_eq!(routes_without_permission(&Tree::fixture(&[("docs/openapi/order.json", silent.as_str())])).len(), 1);
    hold(routes_without_permission, &[("docs/openapi/order.json", with("{}").as_str())]);
}

fn routes_without_their_header(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for operation in operations(tree) {
        let creates = operation.answers("201") || operation.answers("202");
        if creates && !operation.takes("Idempotency-Key") {
            found.push(format!("{} creates without an Idempotency-Key", operation.place()));
        }
        if operation.method == "patch" && !operation.takes("If-Match") {
            found.push(format!("{} changes without If-Match", operation.place()));
        }
        if !operation.answers("default") {
            found.push(format!("{} does not say how it refuses", operation.place()));
        }
    }
    found
}

#[test]
fn what_creates_takes_a_key_and_what_changes_takes_a_version() {
    hold(
        routes_without_their_header,
        &[("docs/openapi/order.json", with(r#"{"responses": {"201": {}, "default": {}}}"#).as_str())],
    );
}

/// The words of a table of the gateway's routes with the services that own them.
fn owners<'t>(routes: &'t str, table: &str) -> Vec<(&'t str, String)> {
    let Some((_, rest)) = routes.split_once(&format!("const {table}: ")) else { return Vec::new() };
    rest.split("];")
        .next()
        .unwrap_or_default()
        .split("(\"")
        .skip(1)
        .filter_map(|row| {
            let (noun, owner) = row.split_once("\", Service::")?;
            Some((noun, owner.split(')').next()?.to_lowercase()))
        })
        .collect()
}

fn routes_behind_no_door(tree: &Tree) -> Vec<String> {
    let routes = tree.files.get("services/gateway/src/routes.rs").map(String::as_str).unwrap_or_default();
    let (admin, store) = (owners(routes, "ADMIN"), owners(routes, "STORE"));
    operations(tree)
        .iter()
        .filter(|operation| {
            let segments: Vec<&str> = operation.path.split('/').skip(1).collect();
            let owned = |table: &[(&str, String)], noun: &str| {
                table.iter().any(|(word, owner)| *word == noun && *owner == operation.service)
            };
            !match segments.as_slice() {
                ["auth" | "platform", "v1", _, ..] => operation.service == "auth",
                ["admin", "v1", noun, ..] => owned(&admin, noun),
                ["store", "v1", "{organisation}", noun, ..] => owned(&store, noun),
                _ => false,
            }
        })
        .map(|operation| format!("{} is not in the gateway's table", operation.place()))
        .collect()
}

#[test]
fn every_route_of_a_service_is_behind_the_gateway() {
    let table = "const ADMIN: &[(&str, Service)] = &[(\"things\", Service::Catalog)];";
    let foreign = [("services/gateway/src/routes.rs", table), ("docs/openapi/order.json", &with("{}"))];
    assert_eq!(
        routes_behind_no_door(&Tree::fixture(&foreign)).len(),
        1,
        "another service's prefix was taken for its own"
    );
    let own = [("services/gateway/src/routes.rs", table), ("docs/openapi/catalog.json", &with("{}"))];
    assert!(routes_behind_no_door(&Tree::fixture(&own)).is_empty());
    hold(routes_behind_no_door, &[("docs/openapi/order.json", with("{}").as_str())]);
}

/// What generators of clients stumble over: an enum as a union of texts, a media type of which nothing is said.
fn stumbling_blocks(tree: &Tree) -> Vec<String> {
    fn look(value: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(alternatives) = value["oneOf"].as_array()
            && alternatives.iter().all(|one| one.get("const").or_else(|| one.get("enum")).is_some())
        {
            found.push(format!("{at} is a oneOf of texts, not an enum"));
        }
        for (kind, content) in value["content"].as_object().into_iter().flatten() {
            if !content["schema"].is_object() {
                found.push(format!("{at}: {kind} has no schema"));
            }
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            look(member, &format!("{at}/{name}"), found);
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            look(item, &format!("{at}/{index}"), found);
        }
    }
    let mut found = Vec::new();
    for (path, text) in &tree.files {
        let document = ["docs/openapi/", "docs/asyncapi/"].iter().any(|folder| path.starts_with(folder));
        if let (true, Ok(document)) = (document, serde_json::from_str::<Value>(text)) {
            look(&document, path, &mut found);
        }
    }
    found
}

#[test]
fn no_document_has_what_generators_of_clients_stumble_over() {
    let union = r#"{"schemas": {"S": {"oneOf": [{"const": "a", "type": "string"}, {"enum": ["b"]}]}}}"#;
    let silent = r#"{"requestBody": {"content": {"text/csv": {}}}}"#;
    for (path, text) in [("docs/openapi/order.json", union), ("docs/asyncapi/order.json", silent)] {
        assert_eq!(stumbling_blocks(&Tree::fixture(&[(path, text)])).len(), 1, "not noticed: {text}");
    }
    hold(stumbling_blocks, &[("docs/openapi/order.json", union)]);
}

/// Fields of bodies that hold text and that garde does not hold to a rule of the domain, and lists without a bound.
fn unguarded_fields(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let bodies = |path: &str| path.contains("/src/http/") || path.starts_with("crates/rest/src/");
    for (path, text) in tree.rust(&["services/", "crates/rest/"]).filter(|(path, _)| bodies(path)) {
        for part in text.split("garde::Validate)]").skip(1) {
            let Some((head, fields)) = part.split("\n}").next().and_then(|part| part.split_once('{')) else { continue };
            if !head.contains("deny_unknown_fields") {
                found.push(format!("{path}: {} takes unknown fields", head.trim()));
            }
            let mut guard = String::new();
            for line in fields.lines().map(str::trim) {
                if line.starts_with("#[garde") {
                    guard = line.to_owned();
                } else if let Some((name, kind)) = line.split_once(": ").filter(|_| !line.starts_with(['#', '/'])) {
                    if kind.contains("String") && !["parses(", "holds("].iter().any(|rule| guard.contains(rule)) {
                        found.push(format!("{path}: {name} has no rule of the domain: custom(parses(…::parse))"));
                    }
                    if kind.contains("Vec<") && !guard.contains("length(") {
                        found.push(format!("{path}: {name} has no bound"));
                    }
                    guard.clear();
                }
            }
        }
    }
    found
}

#[test]
fn a_body_is_held_to_the_domains_rules_and_not_only_to_written_bounds() {
    let part =
        |field: &str| format!("#[derive(garde::Validate)]\n#[serde(deny_unknown_fields)]\nstruct B {{\n{field}\n}}\n");
    for loose in
        ["#[garde(skip)]\nname: String,", "#[garde(length(min = 1, max = 64))]\nsku: String,", "name: Option<Vec<u8>>,"]
    {
        let fixture = Tree::fixture(&[("services/order/src/http/shop.rs", part(loose).as_str())]);
        assert_eq!(unguarded_fields(&fixture).len(), 1, "not noticed: {loose}");
    }
    let open = "#[derive(garde::Validate)]\nstruct B {\n    at: u32,\n}\n";
    hold(unguarded_fields, &[("services/order/src/http/shop.rs", open)]);
}
