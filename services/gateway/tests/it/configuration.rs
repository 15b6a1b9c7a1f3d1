//! The README and the configuration say the same, and wrong variables are reported all at once.

use service::config::{Reader, variables};

#[test]
fn the_readme_lists_every_variable_that_is_read() {
    let readme = include_str!("../../README.md");
    for variable in variables(gateway::read) {
        let of_the_kit = readme.contains(&format!("`{}`", variable.name)) || KIT.contains(&variable.name);
        assert!(of_the_kit, "{} ({}) is not in the README", variable.name, variable.meaning);
    }
}

/// Described in the README of `service`.
const KIT: &[&str] = &[
    "INTERNAL_ADDRESS",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "TRACE_FILE",
    "SHUTDOWN_SECONDS",
    "GOOGLE_CLOUD_PROJECT",
];

#[test]
fn every_bad_variable_is_reported_at_once() {
    let mut reader = Reader::from_pairs([
        ("AUTH_URLS", "localhost:1"),
        ("CATEGORY_URLS", "http://category:1"),
        ("CATALOG_URLS", "https://catalog:1"),
        ("ORDER_URLS", "http://order:1,http://order:2"),
        ("LIMIT_ADDRESS_PER_MINUTE", "-1"),
        ("ANSWER_SECONDS", "soon"),
    ]);
    assert!(gateway::read(&mut reader).is_none());
    let faulty: Vec<_> = reader.faults().iter().map(|fault| fault.name.as_str()).collect();
    for name in
        ["AUTH_URLS", "CATALOG_URLS", "LIMIT_ADDRESS_PER_MINUTE", "ANSWER_SECONDS", "KAFKA_BROKERS", "REDIS_URL"]
    {
        assert!(faulty.contains(&name), "{name} is not among {faulty:?}");
    }
    assert!(!faulty.contains(&"ORDER_URLS") && !faulty.contains(&"CATEGORY_URLS"), "{faulty:?}");
}
