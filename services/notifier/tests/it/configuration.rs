//! The README's table of variables and `config.rs` say the same.

use std::collections::BTreeSet;

use service::config::Reader;
use service::settings::variables;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_lists_every_variable_and_no_other() {
    let environment = README.split("## Environment").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented: BTreeSet<&str> = environment
        .split('`')
        .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .filter(|word| !word.ends_with("_FILE") || *word == "TRACE_FILE")
        .collect();
    let read = variables(notifier::config::read);
    let mut read: BTreeSet<&str> = read.iter().map(|variable| variable.name).collect();
    // Read by `migrate` alone.
    read.insert("DATABASE_OWNER_URL");
    assert_eq!(documented, read);
}

#[test]
fn every_bad_variable_is_reported_at_once() {
    let mut reader = Reader::from_pairs([
        ("TELEGRAM_CHAT_ID", "somewhere"),
        ("KAFKA_BROKERS", "nowhere"),
        ("DELIVERY_KEEP_DAYS", "0"),
    ]);
    assert!(notifier::config::read(&mut reader).is_none());
    let reported: BTreeSet<String> = reader.faults().iter().map(|fault| fault.to_string()).collect();
    let text = format!("{reported:?}");
    for name in ["DATABASE_URL", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", "KAFKA_BROKERS", "DELIVERY_KEEP_DAYS"] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
}
