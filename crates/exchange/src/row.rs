//! The position of a row, what can be wrong with it, and how large it may be. The rule: an error is written for the
//! person who sent the file.

/// Where a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowPosition {
    /// The line, counted from 1; a CSV file's header is the first that is not empty.
    pub line: u64,
}

/// A row that could not be read, in words for the person who sent the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {reason}", column.as_ref().map(|name| format!(", column {name}")).unwrap_or_default())]
pub struct RowError {
    /// The line on which the row begins.
    pub line: u64,
    /// The column's name in the header, or the field's path in the JSON, when a single one is wrong.
    pub column: Option<String>,
    /// What is wrong, going on from "line 7, column price:".
    pub reason: String,
    /// Whether no later row can be read.
    pub ends_file: bool,
}

impl RowError {
    /// An error of one row; later rows are read.
    #[must_use]
    pub(crate) fn new(line: u64, column: Option<String>, reason: impl Into<String>) -> Self {
        Self { line, column, reason: reason.into(), ends_file: false }
    }

    pub(crate) fn ending(line: u64, reason: impl Into<String>) -> Self {
        Self { line, column: None, reason: reason.into(), ends_file: true }
    }

    /// Takes the name of a missing or unknown field from serde's message, the only place that has it.
    pub(crate) fn of_serde(line: u64, path: Option<String>, message: &str) -> Self {
        let named = ["missing field `", "unknown field `"]
            .iter()
            .find_map(|beginning| message.strip_prefix(beginning))
            .and_then(|rest| rest.split_once('`'))
            .map(|(name, _)| name);
        let column = match (path, named) {
            // An unknown field is in the path already, a missing one is not.
            (Some(path), Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
                Some(format!("{path}.{name}"))
            }
            (Some(path), _) => Some(path),
            (None, name) => name.map(str::to_owned),
        };
        Self::new(line, column, message)
    }
}

/// How large a row may be. Memory is bounded by one row and one chunk of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a row as it stands in the file.
    pub row_bytes: usize,
    /// Fields of a CSV row.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { row_bytes: 64 * 1024, fields: 256 }
    }
}
