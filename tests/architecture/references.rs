//! What the documents point at is there: files, tests, targets of the Makefile, metrics, crates.

use std::collections::BTreeSet;

use crate::sources::{Tree, code, hold};

/// The documents that people read.
fn pages(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.files.iter().filter(|(path, _)| path.ends_with(".md")).map(|(path, text)| (path.as_str(), text.as_str()))
}

/// What stands between backticks, one line at a time and outside of code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let mut block = false;
    let mut words = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            block = !block;
        } else if !block {
            words.extend(line.split('`').skip(1).step_by(2));
        }
    }
    words
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-./".contains(sign))
}

/// `{up,down}.sql` as two files.
fn spread(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(head, rest)| rest.split_once('}').map(|(list, tail)| (head, list, tail))) {
        Some((head, list, tail)) => list.split(',').map(|one| format!("{head}{one}{tail}")).collect(),
        None => vec![path.to_owned()],
    }
}

fn files_that_are_not_there(tree: &Tree) -> Vec<String> {
    const KINDS: &[&str] = &[".rs", ".md", ".sql", ".json", ".toml", ".sh", ".properties"];
    let mut found = Vec::new();
    for (page, text) in pages(tree) {
        for word in quoted(text) {
            // A word with <holes> stands for many files; one with a colon is an address.
            if word.contains(['<', '*', ' ', ':', '…']) || word.starts_with("target/") || word.starts_with('/') {
                continue;
            }
            for path in spread(word).into_iter().filter(|path| is_word(path)) {
                let file = KINDS.iter().any(|kind| path.ends_with(kind) && path.len() > kind.len());
                let folder = path.ends_with('/') && path.len() > 1;
                let name = path.trim_end_matches('/');
                let there = |known: &String| {
                    known.ends_with(&format!("/{name}")) || known == name || known.contains(&format!("{name}/"))
                };
                if (file || folder) && name != ".dev/env" && !tree.files.keys().any(there) {
                    found.push(format!("{page} names {path}, which is not there"));
                }
            }
        }
    }
    found
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let pages = [("CONTRIBUTING.md", "Look at `domain/tree.rs` and `<date>/up.sql`, then `GET /x.json`.")];
    assert_eq!(files_that_are_not_there(&Tree::fixture(&pages)).len(), 1);
    hold(files_that_are_not_there, &[("ARCHITECTURE.md", "See `tests/nowhere/`.")]);
}

fn tests_that_are_not_there(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (page, text) in pages(tree) {
        // A name with this many words is a sentence, and sentences are names of tests here.
        for name in quoted(text).into_iter().filter(|word| {
            word.matches('_').count() >= 4 && word.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_')
        }) {
            let metric = tree.rust(&["crates/", "services/"]).any(|(_, text)| text.contains(&format!("\"{name}\"")));
            if !metric && !tree.files.values().any(|text| text.contains(&format!("fn {name}("))) {
                found.push(format!("{page} names the test {name}, which is not there"));
            }
        }
    }
    found
}

#[test]
fn every_test_that_a_page_names_is_there() {
    hold(tests_that_are_not_there, &[("ARCHITECTURE.md", "| sold once | `nothing_is_ever_sold_twice` |")]);
}

fn targets_that_are_not_there(tree: &Tree) -> Vec<String> {
    let makefile = tree.files.get("Makefile").map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for (page, text) in pages(tree) {
        for part in text.split("make ").skip(1).zip(text.split("make ")) {
            let (after, before) = part;
            let target: String = after.chars().take_while(|sign| sign.is_ascii_lowercase()).collect();
            let command = before.ends_with('`') || before.ends_with('\n') || before.ends_with("$ ");
            if command && !target.is_empty() && !makefile.contains(&format!("\n{target}:")) {
                found.push(format!("{page} says make {target}, which the Makefile does not know"));
            }
        }
    }
    found
}

#[test]
fn every_target_that_a_page_names_is_in_the_makefile() {
    hold(targets_that_are_not_there, &[("README.md", "Run `make coffee`."), ("Makefile", "\nup:\n")]);
}

/// The metrics that the code of crates and services records.
fn metrics(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in tree.rust(&["crates/", "services/"]).filter(|(path, _)| path.contains("/src/")) {
        let text: String = code(text).map(|(_, line)| line.trim()).collect();
        for kind in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
            names.extend(text.split(kind).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    names
}

fn metrics_told_wrong(tree: &Tree) -> Vec<String> {
    let known = metrics(tree);
    let page = tree.files.get("docs/logging.md").map(String::as_str).unwrap_or_default();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells: Vec<&str> = rows.filter_map(|line| line.trim_start_matches("| ").split(" | ").next()).collect();
    let told: BTreeSet<&str> = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let mut found: Vec<String> = known
        .iter()
        .filter(|name| !told.contains(name.as_str()))
        .map(|name| format!("docs/logging.md does not explain the metric {name}"))
        .collect();
    found.extend(
        told.into_iter()
            .filter(|name| !known.contains(*name))
            .map(|name| format!("docs/logging.md explains the metric {name}, which nothing records")),
    );
    found
}

#[test]
fn every_metric_is_explained_and_every_explained_one_is_recorded() {
    let stale = ("docs/logging.md", "| `gone_total` | never |\n");
    assert_eq!(metrics_told_wrong(&Tree::fixture(&[stale])).len(), 1);
    hold(metrics_told_wrong, &[("services/order/src/sweep.rs", "metrics::counter!(\"odd_total\").increment(1);")]);
}

/// The crates of ours that a crate's manifest names outside of its tests.
fn used(manifest: &str) -> BTreeSet<&str> {
    let parts = manifest.split("\n[").filter(|part| part.starts_with("dependencies]"));
    parts.flat_map(str::lines).filter_map(|line| line.strip_suffix(".workspace = true")).collect()
}

fn dependencies_told_wrong(tree: &Tree) -> Vec<String> {
    let ours: BTreeSet<&str> = tree
        .files
        .keys()
        .filter_map(|path| path.strip_suffix("/Cargo.toml")?.strip_prefix("crates/"))
        .filter(|name| !name.contains('/'))
        .collect();
    let mut found = Vec::new();
    for name in &ours {
        let manifest = tree.files.get(&format!("crates/{name}/Cargo.toml")).map(String::as_str).unwrap_or_default();
        let readme = tree.files.get(&format!("crates/{name}/README.md")).map(String::as_str).unwrap_or_default();
        let Some((_, rest)) = readme.split_once("epends on ").or_else(|| readme.split_once("epend on ")) else {
            found.push(format!("crates/{name}/README.md does not say what the crate may depend on"));
            continue;
        };
        let sentence = rest.split(['.', ';', '\n']).next().unwrap_or_default();
        let told: BTreeSet<&str> = sentence.split('`').skip(1).step_by(2).filter(|word| ours.contains(word)).collect();
        for one in used(manifest).into_iter().filter(|one| ours.contains(one) && !told.contains(one)) {
            found.push(format!("crates/{name}/README.md does not say that the crate depends on {one}"));
        }
    }
    found
}

#[test]
fn every_readme_says_what_its_crate_depends_on() {
    let kernel = ("crates/kernel/Cargo.toml", "[package]\n[dependencies]\nserde.workspace = true\n");
    let manifest = ("crates/rest/Cargo.toml", "[package]\n[dependencies]\nkernel.workspace = true\n");
    let readme = ("crates/rest/README.md", "# rest\n\nDepends on nothing.");
    let other = ("crates/kernel/README.md", "Depends on nothing.");
    assert_eq!(dependencies_told_wrong(&Tree::fixture(&[kernel, manifest, readme, other])).len(), 1);
    hold(dependencies_told_wrong, &[kernel]);
}
