//! One AsyncAPI 3.0 document per service in `docs/asyncapi`: what it says stands in the contracts, what it hears in its
//! sources. `WRITE_ASYNCAPI=1` writes the documents (`make openapi` does); without it they are compared.

use std::collections::BTreeMap;
use std::path::PathBuf;

use contracts::{Retention, Topic, catalogue, header, topics};
use serde_json::{Map, Value, json};

use crate::sources::{Tree, code, top};

/// Every channel by the name of its type: subscriptions name it.
pub(crate) fn channels() -> Vec<(&'static str, Topic)> {
    let mut channels: Vec<_> = catalogue::entries().into_iter().map(|entry| (entry.channel, entry.topic)).collect();
    channels.dedup();
    channels
}

/// The topics that a service reads: its subscription table, its tables in memory.
pub(crate) fn heard(tree: &Tree, service: &str) -> Vec<Topic> {
    let prefix = format!("services/{service}/src/");
    let mut text = String::new();
    for (_, source) in tree.rust(&[prefix.as_str()]) {
        for (_, line) in code(source) {
            text.push_str(line);
            text.push('\n');
        }
    }
    let channels = channels();
    // The assembly of a service with routes follows these, unless the service keeps them itself.
    let asks_who_calls =
        text.contains("assembly::identities(") || text.contains(".serves(") && !text.contains(".verifies_with(");
    let asks_who_still_counts = text.contains("assembly::standings(");
    topics::ALL
        .iter()
        .filter(|topic| {
            let identity = [topics::SIGNING_KEY, topics::ORGANISATION].contains(*topic);
            let standing = [topics::MEMBERSHIP, topics::SESSION, topics::API_KEY].contains(*topic);
            channels.iter().filter(|(_, of)| of == *topic).any(|(name, _)| {
                ["Delivered<", "Snapshot<", "on_batch::<", "on_state::<", "observe_state::<", "Entry<"]
                    .iter()
                    .any(|before| text.contains(&format!("{before}{name}")))
            }) || identity && asks_who_calls
                || standing && asks_who_still_counts
        })
        .copied()
        .collect()
}

/// What each header says, and whether it is always there.
const HEADERS: &[(&str, &str, bool)] = &[
    (header::SPECVERSION, "The version of CloudEvents: 1.0", true),
    (header::ID, "This event; the same when it is delivered again", true),
    (header::TYPE, "Which event it is", true),
    (header::SOURCE, "The service that says it, such as /order", true),
    (header::TIME, "When it happened, RFC 3339", true),
    (header::SUBJECT, "The aggregate; equal to the record's key", true),
    (header::ORGANISATION, "Whose it is; absent for facts about the installation", false),
    (header::ACTOR, "Who caused it: user_…, shopper, visitor, system:<part>", true),
    (header::AGGREGATE_VERSION, "The aggregate's version after the change", true),
    (header::CORRELATION, "One value for everything that follows from one request", true),
    (header::CAUSATION, "The event that caused this one", false),
    (header::TRACEPARENT, "W3C trace context of the span that caused it", false),
    (header::CONTENT_TYPE, "application/json", true),
];

fn headers() -> Value {
    let properties: Map<String, Value> = HEADERS
        .iter()
        .map(|(name, meaning, _)| ((*name).to_owned(), json!({"type": "string", "description": meaning})))
        .collect();
    let required: Vec<&str> = HEADERS.iter().filter(|(_, _, always)| *always).map(|(name, _, _)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// Points every `$defs` reference at the document's components.
fn moved(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/$defs/", "#/components/schemas/");
            }
            members.values_mut().for_each(moved);
        }
        Value::Array(items) => items.iter_mut().for_each(moved),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document of one service. Two models of one name that differ are reported, since only one of them could stay.
fn document(service: &str, heard: &[Topic]) -> Result<Value, String> {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    known.insert("Headers".to_owned(), headers());
    let said = topics::ALL.iter().filter(|topic| topic.owner == service).map(|topic| ("send", topic));
    for (action, topic) in said.chain(heard.iter().map(|topic| ("receive", topic))) {
        let state = matches!(topic.retention, Retention::State);
        let mut here = Map::new();
        let mut references = Vec::new();
        for entry in catalogue::entries().into_iter().filter(|entry| entry.topic == *topic) {
            let mut payload = entry.schema.to_value();
            moved(&mut payload);
            let Some(members) = payload.as_object_mut() else { continue };
            members.remove("$schema");
            if let Some(Value::Object(definitions)) = members.remove("$defs") {
                for (name, definition) in definitions {
                    if known.get(&name).is_some_and(|other| *other != definition) {
                        return Err(format!("two models are called {name}"));
                    }
                    known.insert(name, definition);
                }
            }
            let name = entry.event_type;
            let message = json!({
                "name": name,
                "contentType": "application/json",
                "headers": {"$ref": "#/components/schemas/Headers"},
                "payload": payload,
                "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
            });
            messages.insert(name.to_owned(), message);
            here.insert(name.to_owned(), json!({"$ref": format!("#/components/messages/{name}")}));
            references.push(json!({"$ref": format!("#/channels/{}/messages/{name}", topic.name)}));
        }
        let description = if state {
            "State: the last snapshot of each key; a record without a body says that the key is gone."
        } else {
            "Facts, in order for each key."
        };
        channels.insert(
            topic.name.to_owned(),
            json!({
                "address": topic.name,
                "description": description,
                "messages": here,
                "bindings": {"kafka": {
                    "partitions": topic.partitions,
                    "topicConfiguration": {"cleanup.policy": [if state { "compact" } else { "delete" }]},
                }},
            }),
        );
        operations.insert(
            format!("{action}.{}", topic.name),
            json!({
                "action": action,
                "channel": {"$ref": format!("#/channels/{}", topic.name)},
                "messages": references,
            }),
        );
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": service,
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "What {service} says and hears: CloudEvents 1.0 in Kafka's binary mode. docs/events.md says the rest."
            ),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": known},
    }))
}

fn path(service: &str) -> PathBuf {
    top().join(format!("docs/asyncapi/{service}.json"))
}

/// Services whose written document is not the one that the code makes.
fn outdated(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for service in tree.services() {
        let made = match document(service, &heard(tree, service)) {
            Ok(made) => made,
            Err(reason) => {
                found.push(format!("{service}: {reason}"));
                continue;
            }
        };
        let written = tree.files.get(&format!("docs/asyncapi/{service}.json"));
        if written.and_then(|text| serde_json::from_str::<Value>(text).ok()) != Some(made) {
            found.push(format!("docs/asyncapi/{service}.json is not what the code says; run `make openapi`"));
        }
    }
    found
}

#[test]
fn the_written_asyncapi_documents_are_the_ones_that_the_code_makes() {
    let real = Tree::real();
    if std::env::var_os("WRITE_ASYNCAPI").is_some() {
        std::fs::create_dir_all(top().join("docs/asyncapi")).unwrap();
        for service in real.services() {
            let made = document(service, &heard(&real, service)).unwrap();
            std::fs::write(path(service), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
        }
    }
    let stale = ("docs/asyncapi/order.json", "{\"asyncapi\": \"3.0.0\"}");
    let source = ("services/order/src/events/mod.rs", ".on_state::<ProductState, _, _>(x)");
    assert_eq!(outdated(&Tree::fixture(&[stale, source])).len(), 1);
    let found = outdated(&Tree::real());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_a_service_hears_is_found_in_its_sources() {
    let names = |service: &str| -> Vec<&str> {
        let heard = heard(&Tree::real(), service);
        topics::ALL.iter().filter(|topic| heard.contains(topic)).map(|topic| topic.name).collect()
    };
    assert_eq!(names("auth"), Vec::<&str>::new());
    let of_callers = ["auth.signing-key.v1", "auth.organisation.v1"];
    assert_eq!(names("order")[..2], of_callers);
    let of_credentials = ["auth.membership.v1", "auth.session.v1", "auth.api-key.v1"];
    assert_eq!(names("gateway"), [&of_callers[..], &of_credentials].concat());
    let followed =
        ["auth.membership.v1", "catalog.stock.v1", "catalog.import.v1", "catalog.availability.v1", "order.order.v1"];
    assert_eq!(names("notifier"), [&of_callers[..], &followed, &["order.outcome.v1"]].concat());
}

#[test]
fn every_header_of_a_golden_record_is_described() {
    let tree = Tree::real();
    let mut seen = 0;
    for (path, text) in tree.files.iter().filter(|(path, _)| path.starts_with("crates/contracts/golden/")) {
        let record: Value = serde_json::from_str(text).unwrap();
        let names = record["headers"].as_object().unwrap();
        for name in names.keys() {
            assert!(HEADERS.iter().any(|(known, _, _)| known == name), "{path}: {name}");
        }
        for (name, _, always) in HEADERS {
            assert!(!always || names.contains_key(*name), "{path} lacks {name}");
        }
        seen += 1;
    }
    assert!(seen > 0);
}
