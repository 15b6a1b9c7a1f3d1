//! Every event has a golden file with its headers and its body. What stands in the files was published somewhere once:
//! today's code must write the same and must read it as it stands.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use contracts::auth::{DeliveredToken, InvitationEvent, InvitationIssued};
use contracts::{Channel, Envelope, catalogue};
use serde_json::{Map, Value, json};

use crate::samples::samples;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Every golden file: its name without `.json`, and what it says.
fn files() -> Vec<(String, Value)> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect()
}

fn read(file: &Value, body: &Value, reads: fn(&str, &[u8]) -> Result<Value, contracts::Undecodable>) -> Value {
    let headers = file["headers"].as_object().unwrap();
    let envelope =
        Envelope::from_headers(headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().as_bytes())))
            .unwrap();
    assert_eq!(file["key"], envelope.subject.to_string());
    let written: Map<String, Value> =
        envelope.to_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    assert_eq!(&written, headers);
    reads(&envelope.event_type, body.to_string().as_bytes()).unwrap()
}

/// The file of the sample's type and shape, or of one that only the past had: then by its type.
fn reader(name: &str, file: &Value) -> fn(&str, &[u8]) -> Result<Value, contracts::Undecodable> {
    let event_type = file["headers"]["ce_type"].as_str().unwrap();
    assert!(name == event_type || name.starts_with(&format!("{event_type}.")), "{name} holds a {event_type}");
    samples()
        .into_iter()
        .find(|sample| sample.document["headers"]["ce_type"] == event_type)
        .unwrap_or_else(|| panic!("{name}: nothing reads {event_type} any more, though it was published"))
        .reads
}

#[test]
fn what_is_written_today_equals_the_golden_files() {
    let write = std::env::var_os("CONTRACTS_WRITE_GOLDEN").is_some();
    for sample in samples() {
        let path = folder().join(format!("{}.json", sample.file));
        if write && !path.exists() {
            fs::write(&path, serde_json::to_string_pretty(&sample.document).unwrap() + "\n").unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|cause| {
            panic!("{}: {cause}; a new event writes its file with CONTRACTS_WRITE_GOLDEN=1", path.display())
        });
        let golden: Value = serde_json::from_slice(&golden).unwrap();
        assert_eq!(sample.document, golden, "{} changed; that needs a new version of the type", sample.file);
    }
}

#[test]
fn what_was_published_once_is_still_read() {
    let files = files();
    assert!(!files.is_empty());
    for (name, file) in files {
        let again = read(&file, &file["body"], reader(&name, &file));
        assert_eq!(again, file["body"], "{name}");
    }
}

/// Objects whose members are named by a seller: another member is another entry and no field.
const MAPS: [&str; 5] = ["references", "external_references", "attributes", "option_values", "translations"];

/// Adds a field to every object in a body, except to amounts of money, which are closed, and to maps.
fn with_added_fields(body: &Value) -> Value {
    match body {
        Value::Array(elements) => elements.iter().map(with_added_fields).collect(),
        Value::Object(fields) if fields.keys().eq(["amount", "currency"]) => body.clone(),
        Value::Object(fields) => {
            let newer = |(name, value): (&String, &Value)| match value {
                Value::Object(entries) if MAPS.contains(&name.as_str()) => {
                    (name.clone(), entries.iter().map(|(key, entry)| (key.clone(), with_added_fields(entry))).collect())
                }
                _ => (name.clone(), with_added_fields(value)),
            };
            fields.iter().map(newer).chain([("added_later".to_owned(), json!({"anything": [1, 2, 3]}))]).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn a_field_that_a_newer_publisher_adds_is_ignored_at_every_depth() {
    for (name, file) in files() {
        let newer = with_added_fields(&file["body"]);
        assert_eq!(read(&file, &newer, reader(&name, &file)), file["body"], "{name}");
    }
}

#[test]
fn every_event_has_a_golden_file() {
    let held: BTreeSet<String> =
        files().iter().map(|(_, file)| file["headers"]["ce_type"].as_str().unwrap().to_owned()).collect();
    let listed: BTreeSet<String> = catalogue::entries().iter().map(|entry| entry.event_type.to_owned()).collect();
    assert_eq!(held, listed);
}

#[test]
fn a_schema_requires_nothing_that_a_golden_body_lacks() {
    for entry in catalogue::entries() {
        let required: Vec<String> = entry
            .schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default();
        assert!(!required.is_empty(), "{}", entry.event_type);
        for (name, file) in files().iter().filter(|(_, file)| file["headers"]["ce_type"] == entry.event_type) {
            for field in &required {
                assert!(file["body"].get(field).is_some(), "{name} lacks {field}");
            }
        }
    }
}

#[test]
fn a_secret_stands_in_the_body_for_its_reader_and_in_no_log() {
    let secret = "aW52aXRhdGlvbi1vZi1hLWdvbGRlbi1maWxlLTAwMDE";
    let name = "auth.invitation.issued.v1";
    let (_, file) = files().into_iter().find(|(found, _)| found == name).unwrap();
    assert_eq!(file["body"]["token"], secret);
    let event = InvitationEvent::decode(name, file["body"].to_string().as_bytes()).unwrap();
    let InvitationEvent::InvitationIssued(InvitationIssued { token, .. }) = &event;
    assert_eq!(token, &DeliveredToken::new(secret));
    assert_eq!(token.expose(), secret);
    for printed in [format!("{event:?}"), format!("{event:#?}"), format!("{token:?}")] {
        assert!(printed.contains("[redacted]") && !printed.contains(secret), "{printed}");
    }
    for (name, file) in files() {
        let carries = file["body"].get("token").is_some();
        let expected = [
            "auth.invitation.issued.v1",
            "auth.account.password-reset-requested.v1",
            "auth.customer-account.password-reset-requested.v1",
        ];
        assert_eq!(carries, expected.contains(&name.as_str()), "{name}");
    }
}
