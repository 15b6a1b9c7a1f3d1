//! The result of a command, as text and as JSON.

use comfy_table::{ContentArrangement, Table};
use serde::{Serialize, Serializer};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// Whether what the command has looked at is in order; decides the exit code.
    pub(crate) well: bool,
}

impl Report {
    /// A report whose JSON is `data`.
    pub(crate) fn new(text: impl Into<String>, data: &impl Serialize, well: bool) -> Self {
        // Everything reported consists of strings and numbers, which always have a JSON form.
        let json = serde_json::to_value(data).unwrap_or(Value::Null);
        Self { text: text.into(), json, well }
    }
}

/// A table with a header line.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// A number that a replica may have. In JSON an unknown one is null, and one that does not exist is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// This number.
    Known(f64),
    /// It has one, and nobody can say which.
    Unknown,
    /// It has none: the gateway has no outbox.
    Absent,
}

impl Figure {
    pub(crate) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }

    /// The number where it is known.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// The text of a cell: the number, `?` when it is not known, `–` when there is none.
    pub(crate) fn cell(self, unit: &str) -> String {
        match self {
            Self::Known(number) => format!("{number:.0}{unit}"),
            Self::Unknown => "?".to_owned(),
            Self::Absent => "–".to_owned(),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number().serialize(serializer)
    }
}

/// Milliseconds in words: `14 d`, `3 h`, `for ever`.
pub(crate) fn retention(milliseconds: i64) -> String {
    match milliseconds {
        ..=-1 => "for ever".to_owned(),
        0 => "?".to_owned(),
        ms if ms % 86_400_000 == 0 => format!("{} d", ms / 86_400_000),
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms => format!("{} s", ms / 1_000),
    }
}

/// The text in one line, cut to at most `longest` characters.
pub(crate) fn short(text: &str, longest: usize) -> String {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if line.chars().count() <= longest {
        return line;
    }
    line.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_number_is_not_shown_as_zero() {
        let cells = [Figure::Unknown, Figure::Absent, Figure::Known(0.0), Figure::Known(12.4)].map(|it| it.cell(" s"));
        assert_eq!(cells, ["?", "–", "0 s", "12 s"]);
    }

    #[test]
    fn retention_is_shown_in_the_largest_unit_that_fits() {
        assert_eq!(retention(-1), "for ever");
        assert_eq!(retention(1_209_600_000), "14 d");
        assert_eq!(retention(7_200_000), "2 h");
        assert_eq!(retention(1_500), "1 s");
    }

    #[test]
    fn long_texts_are_cut_and_lines_are_joined() {
        assert_eq!(short("a\nb", 10), "a b");
        assert_eq!(short("abcdef", 4), "abc…");
    }
}
