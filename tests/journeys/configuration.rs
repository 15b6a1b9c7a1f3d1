//! What every program says when its environment is wrong: all of it at once, and with the exit code of a wrong use.

use std::process::Command;

use devstack::services::{KINDS, built_programs};

/// The variables without which a program does not start, and what this test sets wrongly.
const NEEDED: [(&str, &[&str]); 6] = [
    (
        "auth",
        &["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "HTTP_ADDRESS", "SETUP_TOKEN", "SIGNING_KEY_SECRET"],
    ),
    ("category", &["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "HTTP_ADDRESS"]),
    ("catalog", &["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "HTTP_ADDRESS", "REDIS_URL"]),
    ("order", &["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "HTTP_ADDRESS"]),
    ("notifier", &["DATABASE_URL", "DATABASE_SYSTEM_URL", "KAFKA_BROKERS", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"]),
    (
        "gateway",
        &["KAFKA_BROKERS", "HTTP_ADDRESS", "REDIS_URL", "AUTH_URLS", "CATEGORY_URLS", "CATALOG_URLS", "ORDER_URLS"],
    ),
];

#[test]
fn a_wrong_configuration_of_any_program_is_reported_whole() {
    let programs = built_programs().unwrap();
    for kind in KINDS {
        let (_, needed) = NEEDED.iter().find(|(name, _)| *name == kind.name).unwrap();
        let mut command = Command::new(programs.join(kind.name));
        let output = command.arg("serve").env_clear().env("HTTP_ADDRESS", "nowhere").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{}: {said}", kind.name);
        for variable in *needed {
            assert!(said.contains(variable), "{} does not report {variable}: {said}", kind.name);
        }
    }
}
