//! Variables from the environment and from a file of `NAME=value` lines.
//! The rule it keeps: the environment goes before the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use messaging::Settings;

use crate::error::Error;
use crate::services::{Replica, replicas};

/// The file that `make up` writes.
const USUAL_FILE: &str = ".dev/env";

#[derive(Debug)]
pub(crate) struct Environment {
    file: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the named file, or else the usual one if it exists.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Error> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => PathBuf::from(USUAL_FILE),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self { file: parse(&text, &path)? }),
            Err(_) if named.is_none() => Ok(Self { file: BTreeMap::new() }),
            Err(error) => Err(Error::Malformed { what: path.display().to_string(), reason: error.to_string() }),
        }
    }

    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.file.get(name).cloned()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &'static str, meaning: &'static str) -> Result<String, Error> {
        self.optional(name).ok_or(Error::Missing { name, meaning })
    }

    /// A secret: from `NAME`, or from the file that `NAME_FILE` names, never both.
    pub(crate) fn secret(&self, name: &'static str, meaning: &'static str) -> Result<String, Error> {
        match (self.optional(name), self.optional(&format!("{name}_FILE"))) {
            (Some(_), Some(_)) => Err(Error::Malformed {
                what: name.to_owned(),
                reason: format!("{name}_FILE is set as well; set one of them"),
            }),
            (_, None) => self.required(name, meaning),
            (None, Some(path)) => std::fs::read_to_string(&path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| Error::Malformed { what: format!("{path} ({name}_FILE)"), reason: error.to_string() }),
        }
    }

    /// The brokers and the namespace.
    pub(crate) fn kafka(&self) -> Result<Settings, Error> {
        Ok(Settings {
            brokers: self.required("KAFKA_BROKERS", "the host:port list of the Kafka brokers")?,
            namespace: self.optional("KAFKA_NAMESPACE").unwrap_or_default(),
            service: messaging::operations::GROUP.to_owned(),
        })
    }

    /// Every replica of every service.
    pub(crate) fn services(&self) -> Result<Vec<Replica>, Error> {
        let text = self.required(
            "SERVICES_INTERNAL",
            "the internal port of every replica: order=http://127.0.0.1:9104,catalog=http://…",
        )?;
        replicas(&text)
    }
}

fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err(Error::Malformed {
                what: format!("{}, line {}", path.display(), number + 1),
                reason: "it is not NAME=value".to_owned(),
            });
        };
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        values.insert(name.trim().to_owned(), quoted.unwrap_or(value).to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_a_shell_would_read_them() {
        let text = "# comment\n\nA=1\nexport B=two words\nC=\"quoted = value\"\nD='x'\nE=\n";
        let values = parse(text, Path::new("env")).unwrap();
        let expected = [("A", "1"), ("B", "two words"), ("C", "quoted = value"), ("D", "x"), ("E", "")];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_malformed_line_is_reported_with_its_number() {
        let error = parse("A=1\nnonsense\n", Path::new("env")).unwrap_err();
        assert!(error.to_string().contains("env, line 2"), "{error}");
    }
}
