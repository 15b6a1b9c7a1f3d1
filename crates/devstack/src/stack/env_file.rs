//! `.dev/env`: what people and scripts need to use the stack.
//! The rule it keeps: a shell can source it.

use std::collections::BTreeMap;

use devstack::{Error, read_pairs, write_pairs};

use super::Folder;

/// Names and values, unquoted.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnvFile(BTreeMap<String, String>);

impl EnvFile {
    /// The variables that the last `make up` wrote; none if there was no such run.
    pub(crate) fn read(folder: &Folder) -> Result<Self, Error> {
        let pairs = read_pairs(&folder.join("env"))?;
        Ok(Self(pairs.into_iter().map(|(name, value)| (name, value.trim_matches('\'').to_owned())).collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable; the error says what writes it.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| {
            Error::Refused(format!("{name} is not in the file env of the stack; run `make up`, which writes it"))
        })
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(crate) fn write(&self, folder: &Folder) -> Result<(), Error> {
        let quoted = self.0.iter().map(|(name, value)| (name.clone(), quoted(value))).collect();
        write_pairs(&folder.join("env"), &quoted)
    }
}

/// The value in single quotes where a shell would otherwise interpret it.
fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/@,=+%".contains(letter);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_that_a_shell_would_interpret_is_quoted() {
        assert_eq!(quoted("postgres://a:b@127.0.0.1:5432/shop"), "postgres://a:b@127.0.0.1:5432/shop");
        assert_eq!(quoted("postgres://h/d?a=1&b=2"), "'postgres://h/d?a=1&b=2'");
    }
}
