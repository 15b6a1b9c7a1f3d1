//! The programs that a store consists of: where they are, and whether they are what the sources say.
//! The rule it keeps: a test that fails with old programs says so.

use std::fs;
use std::path::{Path, PathBuf};

use devstack::services::{SERVICES, built_programs};

use crate::must;

/// The folder of the built programs.
pub(crate) fn folder() -> PathBuf {
    let folder = must(built_programs(), "find the built programs");
    let names = SERVICES.iter().map(|service| service.name).chain(["cyberctl"]);
    for name in names {
        if let Some(source) = newer_source(&folder.join(name)) {
            eprintln!("{name} is older than {source}; if this fails, run: cargo build --workspace --bins");
        }
    }
    folder
}

/// A file that the program was built from and that has changed since, as Cargo's own list of them says.
fn newer_source(program: &Path) -> Option<String> {
    let built = fs::metadata(program).and_then(|data| data.modified()).ok()?;
    let list = fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = list.split_once(": ")?;
    sources.split_whitespace().find_map(|source| {
        let changed = fs::metadata(source).and_then(|data| data.modified()).ok()?;
        (changed > built).then(|| source.to_owned())
    })
}
