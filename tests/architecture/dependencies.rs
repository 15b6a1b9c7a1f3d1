//! Who may depend on whom, from `cargo metadata`, and which library lives where, from the sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Tree, code, hold, top};

/// Crate, and the crates of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("contracts", &["kernel"]),
    ("access", &["kernel"]),
    ("mutants", &[]),
    ("persistence", &["kernel", "contracts", "mutants"]),
    ("mediator", &["kernel", "contracts", "access", "persistence", "mutants"]),
    ("messaging", &["kernel", "contracts", "access", "persistence", "mediator", "mutants"]),
    ("cache", &["kernel", "mediator"]),
    ("rest", &["kernel", "access", "mediator"]),
    ("service", &["kernel", "access", "mediator", "persistence"]),
    ("assembly", &["kernel", "contracts", "access", "persistence", "mediator", "messaging", "rest", "service"]),
    ("exchange", &["kernel"]),
    ("query", &["kernel", "persistence"]),
    ("devstack", &[]),
    (
        "testkit",
        &["kernel", "contracts", "access", "persistence", "mediator", "messaging", "service", "assembly", "devstack"],
    ),
    ("cyberctl", &["kernel", "contracts", "messaging"]),
    ("gateway", &["kernel", "contracts", "access", "messaging", "rest", "service", "assembly", "cache"]),
];

/// What any other service may use: every kit, no service.
const KITS: &[&str] = &[
    "kernel",
    "contracts",
    "access",
    "mutants",
    "persistence",
    "mediator",
    "messaging",
    "cache",
    "rest",
    "service",
    "assembly",
    "exchange",
    "query",
];

fn misplaced_dependencies(packages: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for (package, dependencies) in packages {
        if package == "e2e" || package == "benchmarks" {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(name, _)| name == package).map_or(KITS, |(_, allowed)| *allowed);
        for dependency in dependencies.iter().filter(|dependency| packages.contains_key(*dependency)) {
            if !allowed.contains(&dependency.as_str()) {
                found.push(format!("{package} depends on {dependency}, which it may not"));
            }
        }
    }
    found
}

#[test]
fn crates_depend_on_each_other_in_one_direction_and_services_on_no_service() {
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(top().join("Cargo.toml")).no_deps().exec();
    let packages = metadata
        .expect("cargo metadata")
        .packages
        .into_iter()
        .map(|package| {
            let dependencies = package
                .dependencies
                .into_iter()
                .filter(|dependency| dependency.kind == cargo_metadata::DependencyKind::Normal)
                .map(|dependency| dependency.name.to_string())
                .collect();
            (package.name.to_string(), dependencies)
        })
        .collect();
    let found = misplaced_dependencies(&packages);
    assert!(found.is_empty(), "{}", found.join("\n"));

    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    for (package, wrong) in [("kernel", "contracts"), ("order", "catalog"), ("service", "rest"), ("access", "mediator")]
    {
        let fixture = BTreeMap::from([(package.to_owned(), names(&[wrong])), (wrong.to_owned(), names(&[]))]);
        assert_eq!(misplaced_dependencies(&fixture).len(), 1, "{package} on {wrong} was not noticed");
    }
}

/// Where the feature `mutants/on` is switched on, but for the tests of the package of the tests across services.
fn switched_on(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let mut section = "";
        for line in text.lines() {
            section = if line.starts_with('[') { line } else { section };
            let turns_on = line.starts_with("mutants") && line.contains("features");
            let asks = line.contains("mutants/on");
            if asks || (turns_on && !(path == "tests/Cargo.toml" && section == "[dev-dependencies]")) {
                found.push(format!("{path} switches faults on: {line}"));
            }
        }
    }
    found
}

#[test]
fn only_tests_can_switch_a_fault_on() {
    let line = "mutants = { workspace = true, features = [\"on\"] }";
    for (path, text) in [
        ("services/order/Cargo.toml", format!("[dependencies]\n{line}")),
        ("services/order/Cargo.toml", format!("[dev-dependencies]\n{line}")),
        ("tests/Cargo.toml", format!("[dependencies]\n{line}")),
        ("crates/messaging/Cargo.toml", "[features]\nfaulty = [\"mutants/on\"]".to_owned()),
    ] {
        hold(switched_on, &[(path, &text)]);
    }
    let allowed = format!("[dependencies]\nkernel.workspace = true\n[dev-dependencies]\n{line}");
    assert!(switched_on(&Tree::fixture(&[("tests/Cargo.toml", &allowed)])).is_empty());
}

/// Library, and the path prefixes (or `/folder/` parts) where it may be named.
const LIVES_IN: &[(&str, &[&str])] = &[
    (
        "diesel",
        &[
            "crates/persistence/",
            "crates/query/",
            "/src/store/",
            "/src/queries/",
            "/src/projections/",
            "/src/schema.rs",
        ],
    ),
    ("diesel_async", &["crates/persistence/", "crates/query/", "/src/store/", "/src/queries/", "/src/projections/"]),
    ("actix_web", &["crates/rest/", "services/gateway/", "crates/devstack/"]),
    ("rdkafka", &["crates/messaging/", "crates/testkit/"]),
    ("aide", &["crates/rest/"]),
    ("frankenstein", &["services/notifier/"]),
    ("lettre", &["services/notifier/"]),
];

fn libraries_out_of_place(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["crates/", "services/"]) {
        if path.contains("/tests/") {
            continue;
        }
        for (number, line) in code(text) {
            for (library, places) in LIVES_IN {
                let named = line
                    .split(|sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == ':'))
                    .any(|word| word.strip_prefix("::").unwrap_or(word).starts_with(&format!("{library}::")));
                if named && !places.iter().any(|place| path.starts_with(place) || path.contains(place)) {
                    found.push(format!("{path}:{number} names {library}: {}", line.trim()));
                }
            }
        }
    }
    found
}

#[test]
fn a_library_is_named_only_where_it_lives() {
    for (path, line) in [
        ("services/order/src/http/orders.rs", "use diesel::prelude::*;"),
        ("services/order/src/commands/place.rs", "async fn f() { diesel_async::RunQueryDsl::execute(q, c) }"),
        ("services/order/src/http/orders.rs", "use actix_web::web;"),
        ("services/order/src/lib.rs", "use rdkafka::ClientConfig;"),
        ("services/order/src/http/mod.rs", "use aide::openapi::OpenApi;"),
        ("services/order/src/lib.rs", "use frankenstein::Bot;"),
    ] {
        assert_eq!(libraries_out_of_place(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    hold(libraries_out_of_place, &[("services/auth/src/domain/user.rs", "use diesel::Queryable;")]);
}
