//! Reading the environment once, and telling everything that is wrong with it at once.
//! The rule: a value that was refused is described without its content, which may be a secret.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;

use kernel::Secret;

type Lookup = Box<dyn Fn(&str) -> Result<Option<String>, String>>;

/// Reads variables, remembers what was asked for and what was wrong.
pub struct Reader {
    lookup: Lookup,
    variables: Vec<Variable>,
    faults: Vec<Fault>,
}

/// One variable that a service reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for, with unit and bounds.
    pub meaning: String,
    /// Whether it must be set.
    pub need: Need,
    /// Whether `<name>_FILE` may name a file that holds it.
    pub secret: bool,
}

/// Whether a variable must be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the service does not start.
    Required,
    /// It may be left out.
    Optional,
    /// This value is used when it is left out.
    Default(String),
}

/// A variable that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the environment of this process. An empty variable counts as not set.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(Box::new(|name| match std::env::var(name) {
            Ok(value) if value.is_empty() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err("is not UTF-8".to_owned()),
        }))
    }

    /// Reads these pairs instead of the environment; for tests.
    #[must_use]
    pub fn from_pairs<const COUNT: usize>(pairs: [(&str, &str); COUNT]) -> Self {
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::new(Box::new(move |name| {
            Ok(pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        }))
    }

    fn new(lookup: Lookup) -> Self {
        Self { lookup, variables: Vec::new(), faults: Vec::new() }
    }

    /// What was wrong so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What was asked for so far.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Reports a fault that only the service can see, such as two variables that contradict each other.
    pub fn refuse<T>(&mut self, name: &str, reason: impl Into<String>) -> Option<T> {
        self.faults.push(Fault { name: name.to_owned(), reason: reason.into() });
        None
    }

    /// A variable that must be set.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &'static str, meaning: &str) -> Option<T> {
        self.parsed(name, meaning, from_text)
    }

    /// A variable that must be set, with a parser of its own.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.note(name, meaning, Need::Required, false);
        match self.text(name)? {
            Some(text) => self.parse(name, &text, parse),
            None => self.refuse(name, format!("is not set; {meaning}")),
        }
    }

    /// A variable that may be left out. The outer `None` means that it was refused.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &'static str, meaning: &str) -> Option<Option<T>> {
        self.note(name, meaning, Need::Optional, false);
        match self.text(name)? {
            Some(text) => self.parse(name, &text, from_text).map(Some),
            None => Some(None),
        }
    }

    /// A variable with a default.
    pub fn or<T>(&mut self, name: &'static str, default: T, meaning: &str) -> Option<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        self.note(name, meaning, Need::Default(default.to_string()), false);
        match self.text(name)? {
            Some(text) => self.parse(name, &text, from_text),
            None => Some(default),
        }
    }

    /// A variable with a default that must lie in a range.
    pub fn within<T>(&mut self, name: &'static str, default: T, range: RangeInclusive<T>, meaning: &str) -> Option<T>
    where
        T: FromStr<Err: Display> + Display + PartialOrd,
    {
        let bounds = format!("{} to {}", range.start(), range.end());
        self.note(name, &format!("{meaning} ({bounds})"), Need::Default(default.to_string()), false);
        match self.text(name)? {
            Some(text) => self.parse(name, &text, |text| {
                let value: T = from_text(text)?;
                if range.contains(&value) { Ok(value) } else { Err(format!("must be {bounds}")) }
            }),
            None => Some(default),
        }
    }

    /// A secret that must be set: in the variable, or in the file that `<name>_FILE` names.
    pub fn secret(&mut self, name: &'static str, meaning: &str) -> Option<Secret> {
        self.note(name, meaning, Need::Required, true);
        match self.secret_text(name)? {
            Some(secret) => Some(secret),
            None => self.refuse(name, format!("is not set, nor is {name}_FILE; {meaning}")),
        }
    }

    /// The secret in the variable or in its file; the outer `None` means that it was refused.
    fn secret_text(&mut self, name: &'static str) -> Option<Option<Secret>> {
        let file_name = format!("{name}_FILE");
        let (direct, file) = (self.text(name), self.text(&file_name));
        match (direct?, file?) {
            (Some(_), Some(_)) => self.refuse(name, format!("is set and {file_name} as well; set one of them")),
            (Some(text), None) => Some(Some(Secret::new(text))),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => match text.trim_end_matches(['\r', '\n']) {
                    "" => self.refuse(&file_name, "names a file that is empty"),
                    text => Some(Some(Secret::new(text))),
                },
                Err(error) => self.refuse(&file_name, format!("names a file that cannot be read: {error}")),
            },
            (None, None) => Some(None),
        }
    }

    /// A secret that may be left out, with a parser of its own. The outer `None` means that it was refused.
    pub fn optional_secret_parsed<T>(
        &mut self,
        name: &'static str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        self.note(name, meaning, Need::Optional, true);
        match self.secret_text(name)? {
            Some(secret) => self.parse(name, secret.expose(), parse).map(Some),
            None => Some(None),
        }
    }

    /// A secret that must be set, with a parser of its own. The parser's reason is shown: no word of the secret is in it.
    pub fn secret_parsed<T>(
        &mut self,
        name: &'static str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let secret = self.secret(name, meaning)?;
        self.parse(name, secret.expose(), parse)
    }

    /// A comma-separated list with at least one entry.
    pub fn list<T: FromStr<Err: Display>>(&mut self, name: &'static str, meaning: &str) -> Option<Vec<T>> {
        self.parsed(name, meaning, |text| {
            entries(text).and_then(|list| {
                if list.is_empty() { Err("must have at least one entry".to_owned()) } else { Ok(list) }
            })
        })
    }

    /// A comma-separated list that may be left out.
    pub fn optional_list<T: FromStr<Err: Display>>(&mut self, name: &'static str, meaning: &str) -> Option<Vec<T>> {
        self.note(name, meaning, Need::Optional, false);
        match self.text(name)? {
            Some(text) => self.parse(name, &text, entries),
            None => Some(Vec::new()),
        }
    }

    fn note(&mut self, name: &'static str, meaning: &str, need: Need, secret: bool) {
        self.variables.push(Variable { name, meaning: meaning.to_owned(), need, secret });
    }

    fn text(&mut self, name: &str) -> Option<Option<String>> {
        match (self.lookup)(name) {
            Ok(value) => Some(value),
            Err(reason) => self.refuse(name, reason),
        }
    }

    fn parse<T>(&mut self, name: &str, text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(reason) => self.refuse(name, reason),
        }
    }
}

fn from_text<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|reason: T::Err| reason.to_string())
}

fn entries<T: FromStr<Err: Display>>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(from_text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_variable_is_reported_at_once() {
        let mut env = Reader::from_pairs([("PORT", "high"), ("WORKERS", "900"), ("KEY", "a"), ("KEY_FILE", "/b")]);
        let port: Option<u16> = env.required("PORT", "the port");
        let workers = env.within("WORKERS", 2, 1..=64, "threads");
        let missing: Option<String> = env.required("NAME", "what to call it");
        let key = env.secret("KEY", "a key");
        assert_eq!((port, workers, missing, key), (None, None, None, None));
        let faults: Vec<String> = env.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "PORT: invalid digit found in string",
                "WORKERS: must be 1 to 64",
                "NAME: is not set; what to call it",
                "KEY: is set and KEY_FILE as well; set one of them",
            ]
        );
        let mut env = Reader::from_pairs([("A", "secret"), ("B_FILE", "/no/such/file")]);
        let secret = |env: &mut Reader, name| env.optional_secret_parsed(name, "a secret", |text| Ok(text.len()));
        assert_eq!((secret(&mut env, "A"), secret(&mut env, "C")), (Some(Some(6)), Some(None)));
        assert_eq!(secret(&mut env, "B"), None);
    }

    #[test]
    fn a_secret_comes_from_the_variable_or_from_the_file() {
        let path = std::env::temp_dir().join(format!("service-secret-{}", std::process::id()));
        std::fs::write(&path, "from the file\n").unwrap();
        let mut env = Reader::from_pairs([("A", "direct"), ("B_FILE", path.to_str().unwrap()), ("C_FILE", "/no/such")]);
        assert_eq!(env.secret("A", "").unwrap().expose(), "direct");
        assert_eq!(env.secret("B", "").unwrap().expose(), "from the file");
        assert_eq!(env.secret("C", ""), None);
        assert_eq!(env.faults().len(), 1);
        assert_eq!(env.faults()[0].name, "C_FILE");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_reported_without_its_content() {
        let mut env = Reader::from_pairs([("PIN", "hunter2"), ("CODE", "42")]);
        let digits = |text: &str| text.parse::<u16>().map_err(|_| "must be digits".to_owned());
        assert_eq!(env.secret_parsed("PIN", "", digits), None);
        assert_eq!(env.secret_parsed("CODE", "", digits), Some(42));
        assert_eq!(env.secret_parsed("NONE", "", digits), None);
        let faults: Vec<String> = env.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["PIN: must be digits", "NONE: is not set, nor is NONE_FILE; "]);
        assert!(env.variables().iter().all(|variable| variable.secret));
    }

    #[test]
    fn lists_and_defaults() {
        let mut env = Reader::from_pairs([("PORTS", "1, 2,3"), ("EMPTY", " , ")]);
        assert_eq!(env.list::<u16>("PORTS", ""), Some(vec![1, 2, 3]));
        assert_eq!(env.list::<u16>("EMPTY", ""), None);
        assert_eq!(env.optional_list::<u16>("NONE", ""), Some(vec![]));
        assert_eq!(env.or("SIZE", 7, ""), Some(7));
        assert_eq!(env.optional::<u8>("LEFT_OUT", ""), Some(None));
    }
}
