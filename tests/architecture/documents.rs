//! What the documents say is what the code does: variables, problems, topics.

use std::collections::BTreeSet;

use crate::sources::{Tree, hold};

/// `UPPER_CASE` words in quotes: the variables that a config.rs reads.
fn variables_read(text: &str) -> BTreeSet<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.len() > 3
                && word.contains('_')
                && word.starts_with(|sign: char| sign.is_ascii_uppercase())
                && word.chars().all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit() || sign == '_')
        })
        .map(str::to_owned)
        .collect()
}

fn undocumented_variables(tree: &Tree) -> Vec<String> {
    let of_services = tree.services().into_iter().map(|name| (format!("services/{name}"), "src/config.rs"));
    let of_kits = [("crates/service", "src/settings.rs"), ("crates/cyberctl", "src/environment.rs")];
    let mut found = Vec::new();
    for (folder, config) in of_services.chain(of_kits.map(|(folder, config)| (folder.to_owned(), config))) {
        let Some(config) = tree.files.get(&format!("{folder}/{config}")) else { continue };
        let readme = tree.files.get(&format!("{folder}/README.md")).map(String::as_str).unwrap_or_default();
        for variable in variables_read(config) {
            if !readme.contains(&format!("`{variable}`")) {
                found.push(format!("{folder}/README.md does not explain {variable}"));
            }
        }
    }
    found
}

#[test]
fn every_variable_of_a_service_is_in_its_readme() {
    hold(
        undocumented_variables,
        &[("services/order/src/config.rs", "reader.text(\"ORDER_DEADLINE\")"), ("services/order/README.md", "# order")],
    );
}

fn undocumented_topics(tree: &Tree) -> Vec<String> {
    let Some(topics) = tree.files.get("crates/contracts/src/topic.rs") else { return Vec::new() };
    let events = tree.files.get("docs/events.md").map(String::as_str).unwrap_or_default();
    topics
        .split("name: \"")
        .skip(1)
        .filter_map(|part| part.split('"').next())
        .filter(|name| !events.contains(&format!("`{name}`")))
        .map(|name| format!("docs/events.md does not describe the topic {name}"))
        .collect()
}

#[test]
fn every_topic_is_described() {
    hold(undocumented_topics, &[("crates/contracts/src/topic.rs", "Topic { name: \"order.order.v1\" }")]);
}

fn event_types_in(text: &str) -> BTreeSet<&str> {
    text.split('"').skip(1).step_by(2).filter(|word| word.matches('.').count() >= 2 && word.contains(".v")).collect()
}

fn undocumented_events(tree: &Tree) -> Vec<String> {
    let events = tree.files.get("docs/events.md").map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for owner in ["auth", "category", "catalog", "order"] {
        let Some(text) = tree.files.get(&format!("crates/contracts/src/{owner}.rs")) else { continue };
        for event in event_types_in(text.split("#[cfg(test)]").next().unwrap_or_default()) {
            if event.starts_with(owner) && !events.contains(&format!("`{event}`")) {
                found.push(format!("docs/events.md does not describe the event {event}"));
            }
        }
    }
    found
}

#[test]
fn every_event_is_described() {
    hold(undocumented_events, &[("crates/contracts/src/order.rs", "Placed = \"order.order.placed.v1\",")]);
}

fn undocumented_problems(tree: &Tree) -> Vec<String> {
    let errors = tree.files.get("docs/errors.md").map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (path, text) in tree.rust(&["crates/rest/src/", "services/"]) {
        for part in text.split("#[cfg(test)]").next().unwrap_or_default().split("ProblemType::new(").skip(1) {
            let Some(name) = part.split('"').nth(1) else { continue };
            known.insert(format!("`/problems/{name}`"));
            if !errors.contains(&format!("`/problems/{name}`")) {
                found.push(format!("docs/errors.md does not explain /problems/{name} of {path}"));
            }
        }
    }
    for line in errors.lines() {
        if let Some(name) = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next())
            && name.starts_with("`/problems/")
            && !known.contains(name)
        {
            found.push(format!("docs/errors.md explains {name}, which nothing answers"));
        }
    }
    found
}

#[test]
fn every_problem_is_explained_and_every_explained_one_exists() {
    let stale = Tree::fixture(&[("docs/errors.md", "| `/problems/gone` | 404 | nothing |")]);
    assert_eq!(undocumented_problems(&stale).len(), 1);
    hold(undocumented_problems, &[("services/auth/src/http/problems.rs", "ProblemType::new(\"odd\", 409, \"Odd\")")]);
}
