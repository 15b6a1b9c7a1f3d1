//! Variables from the environment and from a file of `NAME=value` lines.
//! The rule it keeps: the environment goes before the file, and nobody is sent to another stack than the one that
//! `DEV_DIR` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use messaging::Settings;

use crate::error::Error;
use crate::services::{Replica, replicas};

/// Where `make up` keeps a stack unless `DEV_DIR` says otherwise.
const USUAL_FOLDER: &str = ".dev";

/// What tells one stack from another: the variable, and how it is called on the screen.
const NAMING: [(&str, &str); 3] =
    [("GATEWAY_URL", "gateway"), ("KAFKA_BROKERS", "Kafka"), ("KAFKA_NAMESPACE", "namespace")];

/// What the commands read that a stack's file has.
const READ: [&str; 5] = ["GATEWAY_URL", "KAFKA_BROKERS", "KAFKA_NAMESPACE", "SERVICES_INTERNAL", "SETUP_TOKEN"];

#[derive(Debug)]
pub(crate) struct Environment {
    /// Where the lines were read; none when there was no file.
    path: Option<PathBuf>,
    file: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the named file, or else `env` in the folder of the stack (`DEV_DIR`, `.dev` when it is not set). The usual
    /// folder may have no such file. One that `DEV_DIR` names must have it, and the environment must not name another
    /// stack: the commands would go there.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Error> {
        let folder = std::env::var_os("DEV_DIR").filter(|folder| !folder.is_empty());
        let path = match (named, &folder) {
            (Some(path), _) => path.to_owned(),
            (None, Some(folder)) => Path::new(folder).join("env"),
            (None, None) => Path::new(USUAL_FOLDER).join("env"),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let environment = Self { file: parse(&text, &path)?, path: Some(path) };
                match environment.overruled().first() {
                    Some(name) if named.is_none() && folder.is_some() => {
                        Err(Error::OtherStack { name, path: environment.source() })
                    }
                    _ => Ok(environment),
                }
            }
            Err(_) if named.is_none() && folder.is_none() => Ok(Self { path: None, file: BTreeMap::new() }),
            Err(error) if named.is_none() => {
                Err(Error::NoStack { path: path.display().to_string(), reason: error.to_string() })
            }
            Err(error) => Err(Error::Malformed { what: path.display().to_string(), reason: error.to_string() }),
        }
    }

    /// Which stack the commands go to, in one line; none when no variable names one.
    pub(crate) fn stack(&self) -> Option<String> {
        let named: Vec<String> = NAMING
            .iter()
            .filter_map(|(name, meaning)| self.optional(name).map(|value| format!("{meaning} {value}")))
            .collect();
        if named.is_empty() {
            return None;
        }
        let mut line = format!("speaking to the stack of {}: {}", self.source(), named.join(", "));
        let overruled = self.overruled();
        if !overruled.is_empty() {
            line.push_str(&format!("; the environment has another value of {}, which counts", overruled.join(", ")));
        }
        Some(line)
    }

    /// Where the variables come from.
    fn source(&self) -> String {
        self.path.as_ref().map_or_else(|| "the environment".to_owned(), |path| path.display().to_string())
    }

    /// The variables of the file to which the environment gives another value.
    fn overruled(&self) -> Vec<&'static str> {
        let differs = |name: &&str| {
            let of_file = self.file.get(*name);
            of_file.is_some_and(|of_file| std::env::var(name).is_ok_and(|value| value != *of_file))
        };
        READ.into_iter().filter(differs).collect()
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
