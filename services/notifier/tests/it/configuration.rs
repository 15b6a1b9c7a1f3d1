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

#[test]
fn a_server_for_mail_is_refused_up_front_when_it_cannot_be_one() {
    let from = "Cyber Store <store@shop.example>";
    let faults = |url: &str, from: &str| {
        let mut reader = Reader::from_pairs([("SMTP_URL", url), ("SMTP_FROM", from)]);
        assert!(notifier::config::read(&mut reader).is_none(), "other variables are missing");
        let faults = reader.faults().iter().filter(|fault| fault.name.starts_with("SMTP"));
        faults.map(|fault| format!("{fault}")).collect::<Vec<_>>()
    };
    for url in [
        "smtps://name:password@smtp.example:465",
        "smtp://name:password@smtp.example:587?tls=required",
        "smtp://relay.example:25",
        "smtp://name:password@127.0.0.1:2525",
    ] {
        assert_eq!(faults(url, from), [""; 0], "{url}");
    }
    for url in [
        "smtp.example:465",
        "https://smtp.example",
        "smtp://",
        "smtp://name:hunter2@smtp.example",
        "smtp://name:hunter2@smtp.example?tls=opportunistic",
        "smtp://name@smtp.example",
        "smtp://name:hunter2@smtp.example?tls=sometimes",
        "",
    ] {
        let found = faults(url, from);
        assert_eq!(found.len(), 1, "{url}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for from in ["nobody", "", "a@b.example, c@d.example"] {
        assert_eq!(faults("smtp://relay.example", from).len(), 1, "{from}");
    }
}
