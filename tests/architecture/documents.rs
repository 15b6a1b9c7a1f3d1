//! What the documents say is what the code does: variables, problems, topics.

use std::collections::BTreeSet;

use contracts::{catalogue, topics};

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

/// Variables that the system sets and nobody chooses for us.
const OF_THE_SYSTEM: &[&str] = &["HOME", "PATH", "CARGO"];

/// What a file of devstack asks the environment for: by name, or by the names of a list.
fn variables_asked_for(text: &str) -> BTreeSet<String> {
    const ASKS: &[&str] = &["env::var(\"", "env::var_os(\"", " set(\"", "(set(\"", "&set(\"", " named(\""];
    let asked = ASKS.iter().flat_map(|ask| text.split(ask).skip(1)).filter_map(|rest| rest.split('"').next());
    let mut variables: BTreeSet<String> = asked.map(str::to_owned).collect();
    if ["env::var(name)", "env::var)"].iter().any(|ask| text.contains(ask)) {
        let listed = |line: &&str| line.contains(": [&str") || (line.starts_with('"') && line.ends_with("\","));
        variables.extend(text.lines().map(str::trim).filter(listed).flat_map(variables_read));
    }
    variables
}

fn undocumented_variables_of_devstack(tree: &Tree) -> Vec<String> {
    let pages = ["README.md", "crates/devstack/README.md", "docs/operations.md"];
    let words: BTreeSet<&str> = pages
        .iter()
        .filter_map(|page| tree.files.get(*page))
        .flat_map(|text| text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_')))
        .collect();
    tree.rust(&["crates/devstack/src/"])
        .flat_map(|(path, text)| {
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            variables_asked_for(text).into_iter().map(move |variable| (path, variable))
        })
        .filter(|(_, variable)| !words.contains(variable.as_str()) && !OF_THE_SYSTEM.contains(&variable.as_str()))
        .map(|(path, variable)| format!("none of {} explains {variable}, which {path} reads", pages.join(", ")))
        .collect()
}

#[test]
fn every_variable_of_devstack_is_in_a_page() {
    let page = ("crates/devstack/README.md", "`DEMO_EMAIL_OLD`, `STACK`");
    for ask in [
        "env::var(\"DEMO_EMAIL\")",
        "file.set(\"STACK\", env::var_os(\"DEMO_EMAIL\"))",
        "if set(\"DEMO_EMAIL\").is_none()",
        "for name in [\n    \"DEMO_EMAIL\",\n] {\n    env::var(name)",
    ] {
        let fixture = Tree::fixture(&[("crates/devstack/src/stack/native.rs", ask), page]);
        assert_eq!(undocumented_variables_of_devstack(&fixture).len(), 1, "{ask}");
    }
    hold(undocumented_variables_of_devstack, &[("crates/devstack/src/lib.rs", "env::var(\"DEMO_EMAIL\")")]);
}

fn undescribed(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("docs/events.md").map(String::as_str).unwrap_or_default();
    let events = catalogue::entries().into_iter().map(|entry| entry.event_type);
    let names = topics::ALL.iter().map(|topic| topic.name).chain(events);
    names
        .filter(|name| !page.contains(&format!("`{name}`")))
        .map(|name| format!("docs/events.md does not describe {name}"))
        .collect()
}

#[test]
fn every_topic_and_every_event_is_described() {
    hold(undescribed, &[]);
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
