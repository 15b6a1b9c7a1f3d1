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

fn crates_without_readme(tree: &Tree) -> Vec<String> {
    tree.files
        .keys()
        .filter(|path| path.ends_with("/Cargo.toml") && (path.starts_with("crates/") || path.starts_with("services/")))
        .filter(|path| !tree.files.contains_key(&path.replace("/Cargo.toml", "/README.md")))
        .map(|path| format!("{path} has no README.md beside it"))
        .collect()
}

#[test]
fn every_crate_and_service_has_a_readme() {
    hold(crates_without_readme, &[("crates/kernel/Cargo.toml", "")]);
}

fn fixed_waiting(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["crates/", "services/", "tests/"]) {
        let test_code = path.contains("/tests/") || path.starts_with("tests/");
        if !test_code || path.starts_with("tests/architecture/") || path.starts_with("tests/bench") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            // Pauses between two looks are short; what is half a second or longer waits for luck.
            let milliseconds = line.split("sleep(Duration::from_millis(").nth(1).map(|rest| {
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap_or(0)
            });
            let waits = line.contains("sleep(Duration::from_secs(") || milliseconds.is_some_and(|pause| pause >= 500);
            if waits && !line.contains("// because") {
                found.push(format!("{path}:{}: a test waits for a fixed time; poll with a deadline", number + 1));
            }
        }
    }
    found
}

#[test]
fn tests_do_not_wait_for_a_fixed_time() {
    hold(
        fixed_waiting,
        &[("services/order/tests/it/orders.rs", "    tokio::time::sleep(Duration::from_secs(1)).await;")],
    );
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
