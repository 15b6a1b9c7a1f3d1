//! Cuts bytes into CSV rows, keeping count of lines. The rule: it holds at most one row.

use crate::{Limits, RowPosition};

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A quote that is not closed within this many times the length of a row is never closed.
const PATIENCE: usize = 16;

/// Where in a row the splitter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote in a quoted field: at the field's end, or between the two halves of a doubled quote.
    AfterQuote,
}

/// Why a row cannot be split into fields.
pub(super) enum Fault {
    TooLong,
    /// With the index of the field.
    TextAfterQuote(usize),
    /// With the index of the field and the line on which the quote opened.
    NeverClosed(usize, u64),
}

impl Fault {
    pub(super) fn field(&self) -> Option<usize> {
        match self {
            Self::TooLong => None,
            Self::TextAfterQuote(field) | Self::NeverClosed(field, _) => Some(*field),
        }
    }

    pub(super) fn ends_file(&self) -> bool {
        matches!(self, Self::NeverClosed(..))
    }

    pub(super) fn reason(&self, splitter: &Splitter) -> String {
        match self {
            Self::TooLong => format!("is longer than {} bytes", splitter.limits.row_bytes),
            Self::TextAfterQuote(_) => {
                let reason = "has text behind the closing quote; write a quote inside a quoted field twice";
                if splitter.last_line == splitter.position.line {
                    reason.to_owned()
                } else {
                    format!("{reason} (this row goes on to line {})", splitter.last_line)
                }
            }
            Self::NeverClosed(_, line) => {
                format!("the quote that opens on line {line} is never closed; nothing behind it could be read")
            }
        }
    }
}

/// Cuts bytes into rows: a line end outside quotes ends a row.
pub(super) struct Splitter {
    limits: Limits,
    /// Where the row begins.
    pub(super) position: RowPosition,
    /// The row without its line end; empty after a fault.
    pub(super) row: Vec<u8>,
    pub(super) fault: Option<Fault>,
    place: Place,
    field: usize,
    quote_line: u64,
    /// The line of the last byte, and of the next one.
    last_line: u64,
    pub(super) line: u64,
    /// How many bytes of the row were taken.
    length: usize,
    after_return: bool,
}

impl Splitter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            position: RowPosition { line: 1 },
            row: Vec::new(),
            fault: None,
            place: Place::FieldStart,
            field: 0,
            quote_line: 1,
            last_line: 1,
            line: 1,
            length: 0,
            after_return: false,
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.position.line = self.line;
        self.length = 0;
        self.row.clear();
        self.fault = None;
        self.place = Place::FieldStart;
        self.field = 0;
    }

    /// Takes bytes up to the end of the row. Returns how many it took, and whether the row ended.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, bool) {
        let mut whole = false;
        let mut taken = 0;
        let mut before = 0;
        for byte in input {
            taken += 1;
            // `\r\n` is one line end: its second byte neither ends a line nor belongs to the next row.
            let second_half = self.after_return && *byte == b'\n';
            self.after_return = *byte == b'\r';
            if second_half && self.length == 0 {
                before = taken;
                continue;
            }
            self.length += 1;
            self.last_line = self.line;
            self.line += u64::from(matches!(byte, b'\n' | b'\r') && !second_half);
            self.place = match (self.place, byte) {
                (Place::Quoted, b'"') => Place::AfterQuote,
                (Place::Quoted, _) => Place::Quoted,
                (_, b'\n' | b'\r') => {
                    whole = true;
                    break;
                }
                (_, b',') => {
                    self.field += 1;
                    Place::FieldStart
                }
                (Place::FieldStart, b'"') => {
                    self.quote_line = self.line;
                    Place::Quoted
                }
                (Place::AfterQuote, b'"') => Place::Quoted,
                (Place::AfterQuote, _) => {
                    self.fault.get_or_insert(Fault::TextAfterQuote(self.field));
                    Place::Unquoted
                }
                // A byte order mark stands before the first field, not in it.
                (Place::FieldStart, byte)
                    if self.position.line == 1 && self.length <= 3 && BYTE_ORDER_MARK.contains(byte) =>
                {
                    Place::FieldStart
                }
                (Place::FieldStart | Place::Unquoted, _) => Place::Unquoted,
            };
            if self.place == Place::Quoted && self.length > PATIENCE * self.limits.row_bytes {
                self.fault = Some(Fault::NeverClosed(self.field, self.quote_line));
                whole = true;
                break;
            }
        }
        let content = if whole && self.place != Place::Quoted { taken - 1 } else { taken };
        self.keep(&input[before.min(content)..content]);
        (taken, whole)
    }

    fn keep(&mut self, content: &[u8]) {
        if self.fault.is_none() && self.row.len() + content.len() > self.limits.row_bytes {
            self.fault = Some(Fault::TooLong);
        }
        if self.fault.is_none() {
            self.row.extend_from_slice(content);
        } else {
            self.row.clear();
        }
    }

    /// The file has ended: an open quote is never closed.
    pub(super) fn end(&mut self) {
        if self.place == Place::Quoted {
            self.fault = Some(Fault::NeverClosed(self.field, self.quote_line));
        }
    }
}
