//! Files of `NAME=value` lines that hold secrets.
//! The rule it keeps: only their owner can read them, and a reader sees the old file or the new one, never half of one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::distr::{Alphanumeric, SampleString};

use crate::Error;

/// 32 letters and digits, which need no quoting in a URL, in SQL or in a shell.
#[must_use]
pub fn random_secret() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 32)
}

/// The `NAME=value` lines of a file; none when there is no file.
///
/// # Errors
/// When the file exists and cannot be read.
pub fn read_pairs(file: &Path) -> Result<BTreeMap<String, String>, Error> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
            .collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(Error::file("read", file)(error)),
    }
}

/// Replaces a file by these lines, with mode 600.
///
/// # Errors
/// When it cannot be written.
pub fn write_pairs(file: &Path, pairs: &BTreeMap<String, String>) -> Result<(), Error> {
    let lines: String = pairs.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let partial = file.with_extension("partial");
    let _absent = fs::remove_file(&partial);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut open| open.write_all(lines.as_bytes()))
        .map_err(Error::file("write", &partial))?;
    fs::rename(&partial, file).map_err(Error::file("write", file))
}
