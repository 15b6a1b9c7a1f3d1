//! Merges the services' OpenAPI documents into one.
//!
//! The rule it keeps: every reference still points to what it pointed to before. When two services use one name for two
//! things, the later one is renamed, with every reference to it.

use std::collections::{BTreeMap, BTreeSet};

use rest::problems;
use serde_json::{Map, Value, json};

use crate::routes::{self, KEY_EXCHANGE};

/// Sections of `components` that are keyed by name.
const SECTIONS: [&str; 9] = [
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "securitySchemes",
    "links",
    "pathItems",
];
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The merged document of `parts` (service name, its document). `missing` services are named in the description.
#[must_use]
pub(super) fn merge(parts: Vec<(&str, Value)>, missing: &[&str]) -> Value {
    let mut description = String::from(
        "Products, stock and orders of an organisation. Log in at `POST /auth/v1/login`, send the access token, or an API key, as \
         `Authorization: Bearer …` to `/admin/v1/*`; `/store/v1/{organisation}/*` is the public shop.",
    );
    if !missing.is_empty() {
        description.push_str(&format!(" Not reachable when this was put together: {}.", missing.join(", ")));
    }
    let own = crate::refusal::Refusal::kinds();
    let mut merged = Merged {
        problems: own
            .iter()
            .map(|kind| json!({ "type": kind.uri(), "status": kind.status(), "title": kind.title() }))
            .collect(),
        ..Merged::default()
    };
    for (service, document) in parts {
        merged.add(service, document);
    }
    let components: Map<String, Value> =
        merged.components.into_iter().map(|(section, entries)| (section, Value::Object(entries))).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Cyber Store", "version": env!("CARGO_PKG_VERSION"), "description": description },
        "servers": [{ "url": "/" }],
        "tags": merged.tags,
        "paths": merged.paths,
        "components": components,
        "x-problems": merged.problems,
    })
}

#[derive(Default)]
struct Merged {
    paths: Map<String, Value>,
    components: BTreeMap<String, Map<String, Value>>,
    operations: BTreeSet<String>,
    tags: Vec<Value>,
    problems: Vec<Value>,
}

impl Merged {
    fn add(&mut self, service: &str, mut document: Value) {
        let renamed = self.renames(service, &document);
        rewrite(&mut document, &renamed);
        for section in SECTIONS {
            let Some(Value::Object(entries)) = document.pointer_mut(&format!("/components/{section}")) else {
                continue;
            };
            let target = self.components.entry(section.to_owned()).or_default();
            for (name, value) in std::mem::take(entries) {
                let name = renamed.get(&pointer(section, &name)).map_or(name, |to| to.name.clone());
                target.entry(name).or_insert(value);
            }
        }
        let security = document.get("security").cloned();
        let tags = document.get_mut("tags").map(Value::take);
        add_new(&mut self.tags, tags, "name");
        let about = document.pointer("/info/description").cloned().unwrap_or_default();
        add_new(&mut self.tags, Some(json!([{ "name": service, "description": about }])), "name");
        let problems = document.get_mut("x-problems").map(Value::take);
        add_new(&mut self.problems, problems, "type");
        let Some(Value::Object(paths)) = document.get_mut("paths").map(Value::take) else { return };
        for (path, item) in paths {
            let Value::Object(item) = item else { continue };
            // Every service serves its own document under the same address; the merged one takes its place. The exchange
            // of keys is the gateway's own business.
            if path == "/openapi.json" || path == KEY_EXCHANGE {
                continue;
            }
            for (key, mut value) in item {
                if METHODS.contains(&key.as_str()) {
                    self.operations_unique(service, &mut value);
                    add_own_refusals(&path, &mut value);
                    if let (Some(security), Some(operation)) = (&security, value.as_object_mut()) {
                        operation.entry("security").or_insert_with(|| security.clone());
                    }
                }
                let target = self.paths.entry(path.clone()).or_insert_with(|| json!({}));
                if let Some(target) = target.as_object_mut() {
                    if target.contains_key(&key) {
                        tracing::warn!(
                            service,
                            path,
                            method = key,
                            "two services describe one operation; the first is kept"
                        );
                    } else {
                        target.insert(key, value);
                    }
                }
            }
        }
    }

    /// Makes the operation's id unique, and groups it under its service where it has no tag.
    fn operations_unique(&mut self, service: &str, operation: &mut Value) {
        let Some(operation) = operation.as_object_mut() else { return };
        operation.entry("tags").or_insert_with(|| json!([service]));
        let Some(Value::String(id)) = operation.get("operationId") else { return };
        let mut unique = id.clone();
        if self.operations.contains(&unique) {
            unique = format!("{service}_{id}");
        }
        let mut number = 2;
        while !self.operations.insert(unique.clone()) {
            unique = format!("{service}_{id}_{number}");
            number += 1;
        }
        operation.insert("operationId".to_owned(), Value::String(unique));
    }

    /// Which components of the document need another name: those whose name is taken by something else, and those
    /// that refer to such a one, since the text alone then no longer says what they are.
    fn renames(&self, service: &str, document: &Value) -> BTreeMap<String, Renamed> {
        let mut clashing: BTreeSet<String> = BTreeSet::new();
        let mut shared: Vec<(String, &Value)> = Vec::new();
        for section in SECTIONS {
            let Some(Value::Object(entries)) = document.pointer(&format!("/components/{section}")) else { continue };
            for (name, value) in entries {
                match self.components.get(section).and_then(|known| known.get(name)) {
                    None => {}
                    Some(known) if known == value => shared.push((pointer(section, name), value)),
                    Some(_) => {
                        clashing.insert(pointer(section, name));
                    }
                }
            }
        }
        loop {
            let before = clashing.len();
            for (at, value) in &shared {
                if !clashing.contains(at) && refers(value, &clashing) {
                    clashing.insert(at.clone());
                }
            }
            if clashing.len() == before {
                break;
            }
        }
        let mut renamed = BTreeMap::new();
        for at in clashing {
            let Some((section, name)) = at.strip_prefix("#/components/").and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            let taken = |candidate: &str| {
                self.components.get(section).is_some_and(|known| known.contains_key(candidate))
                    || document.pointer(&format!("/components/{section}/{candidate}")).is_some()
            };
            let first = format!("{}{name}", capitalised(service));
            let mut candidate = first.clone();
            let mut number = 2;
            while taken(&candidate) {
                candidate = format!("{first}{number}");
                number += 1;
            }
            renamed.insert(at.clone(), Renamed { pointer: pointer(section, &candidate), name: candidate });
        }
        renamed
    }
}

/// Adds what the gateway itself refuses of an operation whatever the service says, in the form of its other problems.
fn add_own_refusals(path: &str, operation: &mut Value) {
    let of_organisation = routes::find(path).is_some_and(|route| !route.own_account) && !path.starts_with("/platform/");
    let secured = !operation["security"].is_null() && of_organisation;
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    let Some(form) = responses.get("default").cloned() else { return };
    let suspended = Some(problems::ORGANISATION_SUSPENDED).filter(|_| secured);
    for kind in [Some(problems::RATE_LIMITED), suspended].into_iter().flatten() {
        let response = responses.entry(kind.status().to_string()).or_insert_with(|| {
            let mut response = form.clone();
            response["description"] = json!("");
            response
        });
        let known = response["description"].as_str().unwrap_or_default();
        let description = format!("{known} `{}`: {}.", kind.slug(), kind.title());
        response["description"] = json!(description.trim_start());
    }
}

/// Adds the entries that are not there yet, told apart by one member.
fn add_new(known: &mut Vec<Value>, more: Option<Value>, by: &str) {
    let Some(Value::Array(more)) = more else { return };
    for entry in more {
        if !known.iter().any(|there| there.get(by) == entry.get(by)) {
            known.push(entry);
        }
    }
}

struct Renamed {
    pointer: String,
    name: String,
}

fn pointer(section: &str, name: &str) -> String {
    format!("#/components/{section}/{name}")
}

fn capitalised(service: &str) -> String {
    let mut letters = service.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether any reference inside points at one of `targets`.
fn refers(value: &Value, targets: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => targets.contains(text),
        Value::Array(items) => items.iter().any(|item| refers(item, targets)),
        Value::Object(entries) => entries.values().any(|entry| refers(entry, targets)),
        _ => false,
    }
}

/// Points every reference to its new name (`$ref`, and the mapping of a discriminator).
fn rewrite(value: &mut Value, renamed: &BTreeMap<String, Renamed>) {
    match value {
        Value::String(text) => {
            if let Some(to) = renamed.get(text) {
                text.clone_from(&to.pointer);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, renamed)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| rewrite(entry, renamed)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, id: &str, page: Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "x", "version": "1" },
            "paths": {
                path: { "get": { "operationId": id, "responses": { "200": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Page" } } } } } } },
                "/openapi.json": { "get": {} }
            },
            "x-problems": [{ "type": "/problems/sku-taken", "status": 409, "title": "x" }],
            "components": { "schemas": {
                "Page": { "type": "array", "items": { "$ref": "#/components/schemas/Item" } },
                "Item": page,
                "Problem": { "type": "object" }
            } }
        })
    }

    fn schema_of<'a>(document: &'a Value, path: &str) -> &'a Value {
        let at = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
            .as_str()
            .unwrap();
        document.pointer(at.trim_start_matches('#')).unwrap()
    }

    #[test]
    fn one_name_for_two_things_is_resolved_and_every_reference_follows() {
        let merged = merge(
            vec![
                ("catalog", part("/a", "list", json!({ "type": "string" }))),
                ("order", part("/b", "list", json!({ "type": "integer" }))),
            ],
            &[],
        );
        for (path, kind) in [("/a", "string"), ("/b", "integer")] {
            let item = schema_of(&merged, path)["items"]["$ref"].as_str().unwrap().trim_start_matches('#');
            assert_eq!(merged.pointer(item).unwrap()["type"], kind, "{path}");
        }
        let schemas = merged["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.keys().filter(|name| name.contains("Problem")).count(), 1, "an equal schema is shared");
        assert_eq!(merged["paths"]["/a"]["get"]["operationId"], "list");
        assert_eq!(merged["paths"]["/b"]["get"]["operationId"], "order_list");
        assert!(merged["paths"].get("/openapi.json").is_none());
    }

    #[test]
    fn equal_documents_share_everything_and_missing_ones_are_named() {
        let item = json!({ "type": "string" });
        let merged = merge(vec![("a", part("/a", "x", item.clone())), ("b", part("/b", "y", item))], &["order"]);
        assert_eq!(merged["components"]["schemas"].as_object().unwrap().len(), 3);
        assert!(merged["info"]["description"].as_str().unwrap().contains("order"));
        assert_eq!(merged["openapi"], "3.1.0");
        let problems: Vec<_> = merged["x-problems"].as_array().unwrap().iter().map(|entry| &entry["type"]).collect();
        for kind in ["/problems/sku-taken", "/problems/rate-limited", "/problems/uri-too-long"] {
            assert_eq!(problems.iter().filter(|found| **found == kind).count(), 1, "{kind} in {problems:?}");
        }
    }
}
