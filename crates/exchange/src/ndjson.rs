//! NDJSON: one JSON value on each line. The rule: whatever a line holds, the next one begins after `\n`.

use std::marker::PhantomData;

use kernel::ByName;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::rows::{Decoder, Outcome};
use crate::{Limits, RowError, RowPosition};

/// Decodes NDJSON into `T`.
pub(crate) struct Ndjson<T> {
    limits: Limits,
    /// Where the line begins.
    position: RowPosition,
    /// The part of the line that earlier chunks brought, unless it is too long.
    held: Vec<u8>,
    too_long: bool,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Ndjson<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, position: RowPosition { line: 1 }, held: Vec::new(), too_long: false, row: PhantomData }
    }

    fn decode(&self, line: &[u8]) -> Option<Outcome<T>> {
        let line = if self.position.line == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let json = line.trim_ascii();
        if json.is_empty() {
            return None;
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let row = serde_path_to_error::deserialize(ByName(&mut deserializer))
            .map_err(|error| {
                let path = error.path().to_string();
                self.refuse((path != ".").then_some(path), error.inner())
            })
            .and_then(|row| deserializer.end().map(|()| row).map_err(|cause| self.refuse(None, &cause)));
        Some(row.map(|row| (self.position, row)))
    }

    fn refuse(&self, path: Option<String>, cause: &serde_json::Error) -> RowError {
        let message = cause.to_string();
        // serde_json sees one line at a time, so its "at line 1" would mislead.
        let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        match cause.classify() {
            Category::Data => RowError::of_serde(self.position.line, path, what),
            Category::Io | Category::Syntax | Category::Eof => {
                RowError::new(self.position.line, None, format!("is not JSON: {what} at character {}", cause.column()))
            }
        }
    }

    fn finish(&mut self, rest: &[u8]) -> Option<Outcome<T>> {
        if self.too_long || self.held.len() + rest.len() > self.limits.row_bytes {
            let reason = format!("is longer than {} bytes", self.limits.row_bytes);
            return Some(Err(RowError::new(self.position.line, None, reason)));
        }
        if self.held.is_empty() {
            return self.decode(rest);
        }
        self.held.extend_from_slice(rest);
        self.decode(&self.held)
    }
}

impl<T: DeserializeOwned> Decoder for Ndjson<T> {
    type Row = T;

    fn read(&mut self, input: &[u8]) -> (usize, Option<Outcome<T>>) {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            self.too_long |= self.held.len() + input.len() > self.limits.row_bytes;
            if self.too_long {
                self.held.clear();
            } else {
                self.held.extend_from_slice(input);
            }
            return (input.len(), None);
        };
        let row = self.finish(&input[..end]);
        self.position.line += 1;
        self.held.clear();
        self.too_long = false;
        (end + 1, row)
    }

    fn end(&mut self) -> Option<Outcome<T>> {
        self.finish(&[])
    }

    fn line(&self) -> u64 {
        self.position.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_one_row_however_long_the_line_is() {
        let mut decoder = Ndjson::<String>::new(Limits { row_bytes: 100, fields: 1 });
        for _ in 0..10_000 {
            assert!(decoder.read(&[b'x'; 90]).1.is_none());
            assert!(decoder.held.capacity() <= 200);
        }
        assert!(decoder.read(b"x\n").1.unwrap().is_err());
        let (_, row) = decoder.read(b"\"short\"\n");
        assert_eq!(row.unwrap().unwrap(), (RowPosition { line: 2 }, "short".to_owned()));
    }
}
