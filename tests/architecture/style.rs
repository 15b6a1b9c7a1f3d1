//! How files look: an opening line, honest names, no fixed waiting in tests.

use crate::sources::{Tree, code, hold};

fn files_without_opening(tree: &Tree) -> Vec<String> {
    tree.rust(&["crates/", "services/", "tests/"])
        .filter(|(_, text)| {
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            !(first.starts_with("//!") || first.starts_with("#![doc = include_str!(\"../README.md\")]"))
        })
        .map(|(path, _)| format!("{path} does not open with //! saying what it owns"))
        .collect()
}

#[test]
fn every_file_says_what_it_owns() {
    hold(files_without_opening, &[("crates/kernel/src/money.rs", "use std::fmt;\n")]);
}

fn hollow_names(tree: &Tree) -> Vec<String> {
    const HOLLOW: &[&str] = &["common", "utils", "util", "helpers", "helper", "manager", "base", "misc", "impl"];
    tree.files
        .keys()
        .filter(|path| path.split('/').any(|part| HOLLOW.contains(&part.trim_end_matches(".rs"))))
        .map(|path| format!("{path} has a name that says nothing"))
        .collect()
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    hold(hollow_names, &[("services/order/src/utils.rs", "//! x")]);
}

fn hollow_types(tree: &Tree) -> Vec<String> {
    const HOLLOW: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils", "Common", "Base", "Misc"];
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["crates/", "services/", "tests/src/", "tests/journeys/", "tests/faults/"]) {
        for (number, line) in code(text) {
            let mut words = line.split(|sign: char| !(sign.is_alphanumeric() || sign == '_'));
            while let Some(word) = words.next() {
                if !["struct", "enum", "trait"].contains(&word) {
                    continue;
                }
                if let Some(name) = words.next().filter(|name| HOLLOW.iter().any(|end| name.ends_with(end))) {
                    found.push(format!("{path}:{number}: {name} is a name that says nothing"));
                }
            }
        }
    }
    found
}

#[test]
fn no_type_has_a_name_that_says_nothing() {
    hold(hollow_types, &[("crates/kernel/src/money.rs", "pub struct MoneyManager {")]);
}

/// Sleeps of a given length that no comment beside them explains: the file, words of the line, and the reason.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("tests/faults/kafka.rs", "sleep(AWAY", "the length of an outage"),
    ("tests/src/shoppers.rs", "sleep(self.pause)", "the pace of a shopper"),
    ("tests/src/shoppers.rs", "20 << attempt", "a shopper's pause before the next attempt, with a deadline"),
    ("crates/service/src/parts.rs", "sleep(QUICK.healthy_after", "how long the part runs before it fails"),
    ("crates/mediator/tests/it/main.rs", "sleep(self.pause)", "how long the test's command takes"),
    ("crates/messaging/tests/it/scenery.rs", "sleep(self.behaviour.delay)", "how long the test's command takes"),
];

/// The milliseconds that this line sleeps; more than any number when they do not stand in it.
fn slept(line: &str) -> Option<u64> {
    let (before, argument) = line.split_once("sleep(")?;
    let literal = || {
        let (path, rest) = argument.split_once("Duration::from_")?;
        let (unit, rest) = rest.split_once('(')?;
        let number: u64 = rest.split_once("))")?.0.replace('_', "").parse().ok()?;
        let plain = path.chars().all(|sign| sign.is_alphanumeric() || ":_".contains(sign));
        [("secs", 1_000), ("millis", 1)].into_iter().find(|(name, _)| *name == unit && plain).map(|(_, of)| number * of)
    };
    // A `pg_sleep(` is the database's.
    (!before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_')).then(|| literal().unwrap_or(u64::MAX))
}

fn fixed_waiting(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["crates/", "services/", "tests/"]) {
        if path.starts_with("tests/architecture/") || path.starts_with("tests/bench") {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        let test_code = path.contains("/tests/") || path.starts_with("tests/") || path.ends_with("/tests.rs");
        let tests = lines.iter().position(|line| test_code || line.trim() == "#[cfg(test)]").unwrap_or(lines.len());
        for (index, line) in lines.iter().enumerate().skip(tests) {
            let said = index > 0 && lines[index - 1].trim_start().starts_with("//");
            let explained = EXPLAINED.iter().any(|(file, words, _)| *file == path && line.contains(words));
            // Pauses between two looks are short; what is half a second or longer waits for luck.
            if slept(line).is_some_and(|pause| pause >= 500) && !said && !explained {
                found.push(format!(
                    "{path}:{}: a test waits for a fixed time; poll with a deadline, or say why on the line before",
                    index + 1
                ));
            }
        }
    }
    found
}

#[test]
fn tests_do_not_wait_for_a_fixed_time() {
    let test = "services/order/tests/it/orders.rs";
    for (path, text, places) in [
        (test, "    sleep(Duration::from_millis(2_500)).await;", 1),
        (test, "    tokio::time::sleep(PAUSE).await;", 1),
        (test, "    sleep(PAUSE + Duration::from_millis(5)).await;", 1),
        (test, "    // The outage lasts that long.\n    sleep(AWAY).await;", 0),
        (test, "    std::thread::sleep(std::time::Duration::from_millis(15));", 0),
        (test, "    query(\"select pg_sleep(1)\")", 0),
        ("crates/rest/src/server.rs", "sleep(PAUSE);\n#[cfg(test)]\nmod tests {\n    sleep(PAUSE);\n}", 1),
    ] {
        assert_eq!(fixed_waiting(&Tree::fixture(&[(path, text)])).len(), places, "{text} in {path}");
    }
    let tree = Tree::real();
    for (file, words, _) in EXPLAINED {
        assert!(tree.files[*file].contains(words), "{file} does not sleep like {words} any more; strike it out");
    }
    hold(fixed_waiting, &[(test, "    tokio::time::sleep(Duration::from_secs(1)).await;")]);
}

fn ignored_tests(tree: &Tree) -> Vec<String> {
    tree.rust(&["crates/", "services/", "tests/"])
        .filter(|(path, _)| !path.starts_with("tests/architecture/"))
        .filter(|(_, text)| text.replace("#[ignore = \"this is the program", "").contains("#[ignore"))
        .map(|(path, _)| format!("{path} has a test that never runs"))
        .collect()
}

#[test]
fn no_test_is_ignored() {
    hold(ignored_tests, &[("services/order/tests/it/orders.rs", "#[ignore]")]);
}

fn foreign_versions(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        for line in text.lines() {
            let version = line.split_once('=').is_some_and(|(_, value)| {
                let value = value.trim();
                value.starts_with('"')
                    && value[1..].starts_with(|sign: char| sign.is_ascii_digit() || "=^~".contains(sign))
                    || value.contains("version = \"")
            });
            if version && !line.contains("workspace") {
                found.push(format!("{path}: {line}: versions stand in the root Cargo.toml"));
            }
        }
    }
    found
}

#[test]
fn versions_stand_in_one_place() {
    hold(foreign_versions, &[("crates/kernel/Cargo.toml", "[dependencies]\nserde = \"1\"\n")]);
}
