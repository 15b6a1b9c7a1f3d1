//! The folders of a service and who may see whom among them.

use crate::sources::{Tree, code, hold};

/// Folder, and the folders of the same service that it may use. `error` and `config` are seen by all.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("domain", &["error"]),
    ("store", &["domain", "schema", "error"]),
    ("commands", &["domain", "store", "events", "error", "config"]),
    ("queries", &["schema", "domain", "error", "store"]),
    ("http", &["commands", "queries", "domain", "error", "config"]),
    ("events", &["commands", "domain", "error"]),
];

fn layers_skipped(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]) {
        let mut parts = path.split('/');
        let (Some(_), Some(service), Some("src"), Some(layer)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let layer = layer.trim_end_matches(".rs");
        let Some((_, allowed)) = MAY_SEE.iter().find(|(name, _)| *name == layer) else { continue };
        if service == "gateway" {
            continue;
        }
        for (number, line) in code(text) {
            for part in line.split("crate::").skip(1) {
                let seen: String = part.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
                let folder = MAY_SEE.iter().any(|(name, _)| *name == seen);
                let published = layer == "commands" && seen == "events" && !part.starts_with("events::published");
                if (folder && seen != layer && !allowed.contains(&seen.as_str())) || published {
                    found.push(format!("{path}:{number}: {layer} may not see {}", line.trim()));
                }
            }
        }
    }
    found
}

#[test]
fn inside_a_service_each_folder_sees_only_the_ones_below_it() {
    for (path, line) in [
        ("services/order/src/domain/order.rs", "use crate::store::orders;"),
        ("services/order/src/http/orders.rs", "use crate::store::orders;"),
        ("services/order/src/events/consumed.rs", "use crate::store::orders;"),
        ("services/order/src/commands/place.rs", "use crate::events::consumed::x;"),
        ("services/order/src/queries/find.rs", "use crate::commands::place;"),
    ] {
        assert_eq!(layers_skipped(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    hold(layers_skipped, &[("services/auth/src/store/users.rs", "use crate::http::users;")]);
}

fn domain_does_work(tree: &Tree) -> Vec<String> {
    const IMPURE: &[&str] = &["async fn", ".await", "tokio::", "std::env", "std::fs", "Clock::now", "tracing::"];
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/domain/")) {
        for (number, line) in code(text) {
            if let Some(word) = IMPURE.iter().find(|word| line.contains(**word)) {
                found.push(format!("{path}:{number}: the domain is pure, {word} is not"));
            }
        }
    }
    found
}

#[test]
fn the_domain_is_pure() {
    hold(domain_does_work, &[("services/order/src/domain/order.rs", "async fn load() {}")]);
}

fn side_calls_in_commands(tree: &Tree) -> Vec<String> {
    const OUTSIDE: &[&str] = &["reqwest::", "messaging::", "cache::", "awc::", "frankenstein::", "redis"];
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/commands/")) {
        for (number, line) in code(text) {
            if let Some(word) = OUTSIDE.iter().find(|word| line.contains(**word)) {
                found.push(format!(
                    "{path}:{number}: a command calls nothing but the database, {word} is something else"
                ));
            }
        }
    }
    found
}

#[test]
fn a_command_calls_nothing_but_the_database() {
    hold(side_calls_in_commands, &[("services/order/src/commands/place.rs", "let client = reqwest::Client::new();")]);
}

fn long_handlers(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/http/")) {
        let lines: Vec<(usize, &str)> = code(text).collect();
        let mut index = 0;
        while index < lines.len() {
            let (number, line) = lines[index];
            let handler = line.starts_with("pub(crate) async fn")
                || line.starts_with("async fn")
                || line.starts_with("pub(super) async fn");
            if handler {
                let opens = (index..lines.len()).find(|at| lines[*at].1.trim_end().ends_with('{'));
                let closes = (index..lines.len()).find(|at| lines[*at].1 == "}");
                if let (Some(opens), Some(closes)) = (opens, closes) {
                    let body = lines[opens + 1..closes].iter().filter(|(_, line)| !line.trim().is_empty()).count();
                    if body > 8 {
                        found.push(format!("{path}:{number}: a handler of {body} lines: {}", line.trim()));
                    }
                    index = closes;
                }
            }
            index += 1;
        }
    }
    found
}

#[test]
fn a_handler_has_at_most_eight_lines() {
    let body = "    let x = 1;\n".repeat(9);
    let fixture = format!("async fn place(app: App) -> Reply {{\n{body}}}\n");
    hold(long_handlers, &[("services/order/src/http/orders.rs", fixture.as_str())]);
}
