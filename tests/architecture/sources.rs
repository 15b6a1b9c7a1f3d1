//! The source tree as text: the real one, or a fixture of a few lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Paths from the top of the repository, with `/`, and what is in the files.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
}

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Tree {
    /// The crates, the services, the tests and the documents of this checkout.
    pub(crate) fn real() -> Self {
        let mut tree = Self::default();
        let top = top();
        for folder in ["crates", "services", "tests", "docs", "deploy"] {
            tree.read(&top, &top.join(folder));
        }
        for file in ["Cargo.toml", "Makefile", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docker-compose.yml"]
        {
            if let Ok(text) = std::fs::read_to_string(top.join(file)) {
                tree.files.insert(file.to_owned(), text);
            }
        }
        assert!(tree.files.len() > 100, "the tree was not found at {}", top.display());
        tree
    }

    /// A tree of the given files.
    pub(crate) fn fixture(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    fn read(&mut self, top: &Path, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                if entry.file_name() != "target" {
                    self.read(top, &path);
                }
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                self.files.insert(name, text);
            }
        }
    }

    /// Rust files whose path starts with one of the prefixes.
    pub(crate) fn rust<'t>(&'t self, prefixes: &'t [&str]) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(".rs") && prefixes.iter().any(|prefix| path.starts_with(prefix)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Where crates and services, in files whose path `concerns` the rule, say one of these words: in small letters it is
    /// found in any case, otherwise as it stands.
    pub(crate) fn saying(&self, concerns: impl Fn(&str) -> bool, words: &[&str], wrong: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (path, text) in self.rust(&["crates/", "services/"]).filter(|(path, _)| concerns(path)) {
            for (number, line) in code(text) {
                let small = line.to_lowercase();
                if let Some(word) = words.iter().find(|word| line.contains(**word) || small.contains(**word)) {
                    found.push(format!("{path}:{number}: {wrong}, {word}: {}", line.trim()));
                }
            }
        }
        found
    }

    /// The names of the services: folders below `services/`.
    pub(crate) fn services(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.files.keys().filter_map(|path| path.strip_prefix("services/")?.split('/').next()).collect();
        names.dedup();
        names
    }
}

/// Lines of code: without comments, without what follows the file's test module.
pub(crate) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Lines of code in which a `use …;` is as many lines as it names things, each with the number of the line where it begins.
pub(crate) fn named(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in code(text) {
        let words = line.split(" //").next().unwrap_or(line).trim();
        let begins =
            ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|word| words.starts_with(word));
        let (number, statement) = match open.take() {
            Some((begun, statement)) => (begun, format!("{statement}{words} ")),
            None if begins => (number, format!("{words} ")),
            None => {
                lines.push((number, line.to_owned()));
                continue;
            }
        };
        if words.ends_with(';') {
            lines.extend(ungrouped(&statement).into_iter().map(|path| (number, path)));
        } else {
            open = Some((number, statement));
        }
    }
    lines
}

/// `use a::{b, c::{d, e}};` as `use a::b`, `a::c::d` and `a::c::e`.
fn ungrouped(statement: &str) -> Vec<String> {
    let mut flat = statement.trim().trim_end_matches(';').to_owned();
    while let Some((open, close)) = flat.find('}').and_then(|close| Some((flat[..close].rfind('{')?, close))) {
        let begin = flat[..open].rfind([' ', ',', '{']).map_or(0, |before| before + 1);
        let members = flat[open + 1..close].split(',').map(str::trim).filter(|member| !member.is_empty());
        let members: Vec<String> = members.map(|member| format!("{}{member}", &flat[begin..open])).collect();
        flat.replace_range(begin..=close, &members.join(", "));
    }
    flat.split(", ").map(str::to_owned).collect()
}

/// Holds a rule against the real tree and against a fixture that breaks it.
pub(crate) fn hold(rule: impl Fn(&Tree) -> Vec<String>, breaking: &[(&str, &str)]) {
    let broken = rule(&Tree::fixture(breaking));
    assert!(!broken.is_empty(), "the fixture breaks the rule and the rule does not notice");
    let found = rule(&Tree::real());
    assert!(found.is_empty(), "{} places break the rule:\n{}", found.len(), found.join("\n"));
}
