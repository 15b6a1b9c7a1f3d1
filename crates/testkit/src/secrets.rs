//! Every secret that this test process has used, and the search for them in what programs wrote.
//! The rule it keeps: whoever finds one says its name and its place, never the secret itself.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::must;

/// Shorter texts are not kept, in bytes: a guess like `hunter2` or `nonsense` stands in a log by chance.
pub(crate) const SHORTEST: usize = 12;

/// How long a line may be older than what the test knows of its secrets: who makes a token knows it before the test, which
/// reads it in the reply.
const LATE: Duration = Duration::from_secs(10);

static USED: LazyLock<Mutex<Arc<Secrets>>> = LazyLock::new(Mutex::default);

/// Keeps a secret that this process uses from now on. `name` says what it is and is all that a report says of it.
/// Texts of fewer than 12 bytes and texts without a letter or digit are left out.
pub fn note(name: &str, secret: &str) {
    // A search that is under way goes on with the set that it began with.
    Arc::make_mut(&mut USED.lock().unwrap_or_else(PoisonError::into_inner)).add(name, secret);
}

/// The first line with a secret that was noted so far.
#[must_use]
pub fn leak_in(text: &[u8]) -> Option<Leak> {
    let used = Arc::clone(&USED.lock().unwrap_or_else(PoisonError::into_inner));
    used.leak_in(text)
}

/// The texts that stand in this JSON under one of the names, at any depth.
pub(crate) fn named(value: &Value, names: &[&'static str]) -> Vec<(&'static str, String)> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| named(item, names)).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (names.iter().find(|known| *known == name), value) {
                (Some(name), Value::String(text)) => vec![(*name, text.clone())],
                _ => named(value, names),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A line that says a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What was said: the name of the first secret in the line.
    pub name: String,
    /// The line; every secret in it is replaced by its name in angle brackets.
    pub line: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in: {}", self.name, self.line)
    }
}

/// Secrets by their longest word, so that a text is searched once, however many there are.
#[derive(Clone, Default)]
struct Secrets(HashMap<Vec<u8>, Vec<Secret>>);

#[derive(Clone)]
struct Secret {
    name: String,
    text: Vec<u8>,
    /// Where its longest word begins.
    word_at: usize,
}

impl Secrets {
    fn add(&mut self, name: &str, secret: &str) {
        let text = secret.trim().as_bytes();
        let Some((word_at, word)) = words(text).max_by_key(|(_, word)| word.len()) else { return };
        let known = self.0.get(word).is_some_and(|same| same.iter().any(|it| it.text == text));
        if text.len() >= SHORTEST && !known {
            let secret = Secret { name: name.to_owned(), text: text.to_owned(), word_at };
            self.0.entry(word.to_owned()).or_default().push(secret);
        }
    }

    fn leak_in(&self, text: &[u8]) -> Option<Leak> {
        text.split(|byte| *byte == b'\n').find_map(|line| {
            let found: Vec<_> = self.found_in(line).collect();
            let (_, name) = found.first()?;
            Some(Leak { name: (*name).to_owned(), line: blanked(line, &found) })
        })
    }

    fn found_in(&self, line: &[u8]) -> impl Iterator<Item = (Range<usize>, &str)> {
        words(line).flat_map(move |(at, word)| {
            self.0.get(word).into_iter().flatten().filter_map(move |secret| {
                let start = at.checked_sub(secret.word_at)?;
                let place = start..start + secret.text.len();
                (line.get(place.clone())? == secret.text).then_some((place, secret.name.as_str()))
            })
        })
    }
}

/// The words of a text and where they begin. Tokens and keys are single words, and stay it in JSON, URLs and messages.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut next = 0;
    text.split(|byte| !(byte.is_ascii_alphanumeric() || b"_.-".contains(byte) || *byte >= 0x80)).filter_map(
        move |word| {
            let at = next;
            next += word.len() + 1;
            // What follows a backslash belongs to the escape: `\n`.
            let escape = usize::from(at > 0 && text[at - 1] == b'\\');
            let word = word.get(escape..)?;
            // A dot may end the sentence.
            let dots = word.iter().take_while(|byte| **byte == b'.').count();
            let word = &word[dots..];
            let end = word.iter().rposition(|byte| *byte != b'.')? + 1;
            Some((at + escape + dots, &word[..end]))
        },
    )
}

fn blanked(line: &[u8], found: &[(Range<usize>, &str)]) -> String {
    let (mut shown, mut from) = (String::new(), 0);
    for (place, name) in found {
        if place.start >= from {
            shown.push_str(&String::from_utf8_lossy(&line[from..place.start]));
            shown.push_str(&format!("<{name}>"));
        }
        from = from.max(place.end);
    }
    shown + &String::from_utf8_lossy(&line[from..])
}

/// Files that programs append to. Each look reads what is new, and the last seconds before the look before once more.
#[derive(Default)]
pub struct Logs(Mutex<HashMap<PathBuf, Looked>>);

/// How far a file was read.
struct Looked {
    /// Where the next look begins.
    from: u64,
    /// How far it was read at this time.
    read: (u64, Instant),
}

impl Logs {
    /// The first file with a secret that was noted so far, and the line; the next look begins behind what was read. A file
    /// that is not there yet is passed over.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn leak_in(&self, files: impl IntoIterator<Item = PathBuf>) -> Option<(PathBuf, Leak)> {
        let mut looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.into_iter().find_map(|file| {
            let known = looked.entry(file.clone()).or_insert(Looked { from: 0, read: (0, Instant::now()) });
            let (text, end) = match known.read_on(&file) {
                Err(error) if error.kind() == ErrorKind::NotFound => return None,
                read => must(read, "read a log"),
            };
            let leak = leak_in(&text)?;
            // Told once: whoever looks next is not to blame for it.
            known.from = end;
            Some((file, leak))
        })
    }
}

impl Looked {
    /// What is to be looked at, and where it ends. Complete lines only: the last one may still be on its way, and is read
    /// next time.
    fn read_on(&mut self, file: &Path) -> io::Result<(Vec<u8>, u64)> {
        let (now, mut text) = (Instant::now(), Vec::new());
        let mut file = File::open(file)?;
        if file.metadata()?.len() < self.from {
            // A file of spans begins anew when it has become too long.
            *self = Looked { from: 0, read: (0, now) };
        }
        file.seek(SeekFrom::Start(self.from))?;
        file.read_to_end(&mut text)?;
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
        let end = self.from + u64::try_from(text.len()).unwrap_or_default();
        let (before, at) = self.read;
        if now.duration_since(at) > LATE {
            *self = Looked { from: before.max(self.from), read: (end, now) };
        }
        Ok((text, end))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl-_";
    const PASSPHRASE: &str = "a long enough passphrase 7";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        for (name, text) in [("token", TOKEN), ("password", PASSPHRASE), ("password", "hunter2")] {
            secrets.add(name, text);
        }
        secrets
    }

    #[test]
    fn a_log_that_says_a_secret_is_found_out_and_the_report_does_not_repeat_it() {
        for (around, name, secret) in [
            ("told …", "token", TOKEN),
            (r#"{"message":"…"}"#, "token", TOKEN),
            ("GET /x?token=…&y=1", "token", TOKEN),
            ("… is not valid", "token", TOKEN),
            ("nobody knows ….", "token", TOKEN),
            (r#"{"message":"refused\n…\n"}"#, "token", TOKEN),
            ("Token { text: \"…\" }", "token", TOKEN),
            ("password=…", "password", PASSPHRASE),
            (r#"{"fields":{"body":"{\"password\":\"…\"}"}}"#, "password", PASSPHRASE),
        ] {
            let log = format!("started\n{}\nstopped\n", around.replace('…', secret));
            let expected = Leak { name: name.to_owned(), line: around.replace('…', &format!("<{name}>")) };
            assert_eq!(secrets().leak_in(log.as_bytes()), Some(expected), "{around}");
        }
        let both = format!("{TOKEN} {PASSPHRASE} {TOKEN}");
        assert_eq!(secrets().leak_in(both.as_bytes()).unwrap().line, "<token> <password> <token>");
    }

    #[test]
    fn a_log_without_a_secret_passes_also_with_words_of_one_and_with_a_guess_that_is_short() {
        let (head, _) = TOKEN.split_once('.').unwrap();
        let log = format!("a long passphrase 7 of {head}\npassphrase\nhunter2\n\\\n...\n\n{{\"token\":\"\"}}");
        assert_eq!(secrets().leak_in(log.as_bytes()), None);
        assert_eq!(Secrets::default().leak_in(format!("{TOKEN} {PASSPHRASE}").as_bytes()), None);
    }

    #[test]
    fn secrets_are_taken_from_json_at_any_depth_and_only_by_their_names() {
        let body = json!({"owner": {"password": "one", "name": "two"}, "keys": [{"token": "three"}, {"token": 4}]});
        let found = named(&body, &["password", "token"]);
        assert_eq!(found, [("token", "three".to_owned()), ("password", "one".to_owned())]);
    }

    #[test]
    fn a_line_that_is_half_written_is_looked_at_again_when_it_is_whole() {
        let folder = devstack::temporary_folder("secrets").unwrap();
        let path = folder.join("half.log");
        let (first, second) = ("half-written-".to_owned(), uuid::Uuid::new_v4().simple().to_string());
        note("token", &format!("{first}{second}"));
        let logs = Logs::default();
        let look = || logs.leak_in([path.clone()]);
        assert_eq!(look(), None, "there is no file yet");
        let mut file = File::create(&path).unwrap();
        write!(file, "started\n{first}").unwrap();
        assert_eq!(look(), None);
        write!(file, "{second}").unwrap();
        assert_eq!(look(), None, "the line has no end yet");
        writeln!(file).unwrap();
        let leak = Leak { name: "token".to_owned(), line: "<token>".to_owned() };
        assert_eq!(look(), Some((path.clone(), leak)));
        assert_eq!(look(), None, "it was told");
    }

    #[test]
    fn what_was_read_long_ago_is_not_read_again_and_what_was_read_just_now_is() {
        let folder = devstack::temporary_folder("secrets").unwrap();
        let path = folder.join("long.log");
        std::fs::write(&path, "one\n").unwrap();
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let read = |looked: &mut Looked| looked.read_on(&path).unwrap().0;
        let mut looked = Looked { from: 0, read: (4, ago(11)) };
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        assert_eq!(read(&mut looked), b"one\ntwo\n");
        assert_eq!(read(&mut looked), b"two\n", "it was read just now");
        looked.read.1 = ago(11);
        assert_eq!(read(&mut looked), b"two\n");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(read(&mut looked), b"three\n");
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(read(&mut looked), b"new\n", "the file has begun anew");
    }
}
