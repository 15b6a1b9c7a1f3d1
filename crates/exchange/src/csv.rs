//! CSV: splits the bytes into rows without losing its place, and hands each whole row to `csv-core`. The splitter is ours
//! because a parser that only says "record" cannot tell a row that is too long from a quote that never closes.

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::rows::{Decoder, Outcome};
use crate::{Limits, RowError, RowPosition};

/// So many times longer than a row may be is the text that is searched for the end of a quote.
const PATIENCE: u64 = 16;

/// Decodes CSV with a header into `T`.
pub struct Csv<T> {
    splitter: Splitter,
    parser: csv_core::Reader,
    /// The bytes of the fields of one row, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    header: Option<::csv::StringRecord>,
    record: ::csv::StringRecord,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Csv<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            splitter: Splitter::new(limits),
            parser: csv_core::Reader::new(),
            fields: vec![0; limits.row_bytes + 1],
            ends: vec![0; limits.fields + 1],
            header: None,
            record: ::csv::StringRecord::new(),
            row: PhantomData,
        }
    }

    /// What the row that the splitter holds means: nothing when it was the header or empty.
    fn finish(&mut self) -> Option<Outcome<T>> {
        if self.splitter.row.is_empty() && self.splitter.fault.is_none() {
            return None;
        }
        let position = self.splitter.position;
        let Some(header) = self.header.take() else {
            return match self.read_header() {
                Ok(header) => {
                    self.header = Some(header);
                    None
                }
                Err(error) => Some(Err(RowError { ends_file: true, ..error })),
            };
        };
        let row = self.read_row(&header);
        self.header = Some(header);
        Some(row.map(|row| (position, row)))
    }

    fn read_header(&mut self) -> Result<::csv::StringRecord, RowError> {
        let line = self.splitter.position.line;
        if let Some(fault) = &self.splitter.fault {
            return Err(RowError::new(line, None, fault.reason(&self.splitter)));
        }
        if self.splitter.position.byte == 0 && self.splitter.row.starts_with(BYTE_ORDER_MARK) {
            self.splitter.row.drain(..BYTE_ORDER_MARK.len());
        }
        if self.splitter.row.is_empty() {
            return Err(RowError::new(line, None, EMPTY));
        }
        self.parse(None)?;
        self.record.trim();
        let mut seen = HashSet::new();
        for (index, name) in self.record.iter().enumerate() {
            if name.is_empty() {
                return Err(RowError::new(line, None, format!("the header's column {} has no name", index + 1)));
            }
            if !seen.insert(name) {
                return Err(RowError::new(line, Some(name.to_owned()), "stands twice in the header"));
            }
        }
        Ok(self.record.clone())
    }

    fn read_row(&mut self, header: &::csv::StringRecord) -> Result<T, RowError> {
        let line = self.splitter.position.line;
        if let Some(fault) = &self.splitter.fault {
            let column = fault.field().and_then(|field| header.get(field)).map(str::to_owned);
            return Err(RowError {
                ends_file: fault.ends_file(),
                ..RowError::new(line, column, fault.reason(&self.splitter))
            });
        }
        self.parse(Some(header))?;
        if self.record.len() != header.len() {
            let plural = if self.record.len() == 1 { "" } else { "s" };
            let reason = format!("has {} field{plural}, but the header names {}", self.record.len(), header.len());
            return Err(RowError::new(line, None, reason));
        }
        self.record.deserialize(Some(header)).map_err(|error| {
            let ::csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
                return RowError::new(line, None, error.to_string());
            };
            let column = err.field().and_then(|field| header.get(usize::try_from(field).ok()?)).map(str::to_owned);
            match err.kind() {
                ::csv::DeserializeErrorKind::ParseInt(_) => RowError::new(line, column, "is not a whole number"),
                ::csv::DeserializeErrorKind::ParseFloat(_) => RowError::new(line, column, "is not a number"),
                ::csv::DeserializeErrorKind::ParseBool(_) => RowError::new(line, column, "is neither true nor false"),
                other => RowError::of_serde(line, column, &other.to_string()),
            }
        })
    }

    /// Makes a record of the splitter's row.
    fn parse(&mut self, header: Option<&::csv::StringRecord>) -> Result<(), RowError> {
        let line = self.splitter.position.line;
        self.splitter.row.push(b'\n');
        let (result, _, _, ends) = self.parser.read_record(&self.splitter.row, &mut self.fields, &mut self.ends);
        if !matches!(result, csv_core::ReadRecordResult::Record) || ends == self.ends.len() {
            self.parser.reset();
            return Err(RowError::new(line, None, format!("has more than {} fields", self.ends.len() - 1)));
        }
        self.record.clear();
        let mut begin = 0;
        for (index, end) in self.ends[..ends].iter().enumerate() {
            let text = std::str::from_utf8(&self.fields[begin..*end]).map_err(|_| {
                let column = header.and_then(|header| header.get(index)).map(str::to_owned);
                RowError::new(line, column, "is not UTF-8; save the file as UTF-8")
            })?;
            self.record.push_field(text);
            begin = *end;
        }
        Ok(())
    }
}

impl<T: DeserializeOwned> Decoder for Csv<T> {
    type Row = T;

    fn read(&mut self, input: &[u8]) -> (usize, Option<Outcome<T>>) {
        let (taken, whole) = self.splitter.take(input);
        if !whole {
            return (taken, None);
        }
        let row = self.finish();
        self.splitter.begin_row();
        (taken, row)
    }

    fn end(&mut self) -> Option<Outcome<T>> {
        self.splitter.end();
        if self.header.is_none() && self.splitter.row.is_empty() && self.splitter.fault.is_none() {
            return Some(Err(RowError::ending(1, EMPTY)));
        }
        self.finish()
    }

    fn line(&self) -> u64 {
        self.splitter.line
    }
}

const EMPTY: &str = "the file is empty; its first line must name the columns";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where in a row the splitter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Unquoted,
    Quoted,
    /// Behind a quote inside a quoted field: the field's end, or the first half of a doubled quote.
    AfterQuote,
}

/// What is wrong with a row as text.
enum Fault {
    TooLong,
    /// In which field.
    TextAfterQuote(usize),
    /// In which field and on which line the quote opened.
    NeverClosed(usize, u64),
}

impl Fault {
    fn field(&self) -> Option<usize> {
        match self {
            Self::TooLong => None,
            Self::TextAfterQuote(field) | Self::NeverClosed(field, _) => Some(*field),
        }
    }

    fn ends_file(&self) -> bool {
        matches!(self, Self::NeverClosed(..))
    }

    fn reason(&self, splitter: &Splitter) -> String {
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
struct Splitter {
    limits: Limits,
    /// Where the row begins.
    position: RowPosition,
    /// The row without its line end; nothing once there is a fault.
    row: Vec<u8>,
    fault: Option<Fault>,
    place: Place,
    field: usize,
    quote_line: u64,
    /// The line of the byte that was taken last, and of the one to come.
    last_line: u64,
    line: u64,
    /// How many bytes of the file were taken.
    byte: u64,
    after_return: bool,
}

impl Splitter {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            position: RowPosition { line: 1, byte: 0 },
            row: Vec::new(),
            fault: None,
            place: Place::FieldStart,
            field: 0,
            quote_line: 1,
            last_line: 1,
            line: 1,
            byte: 0,
            after_return: false,
        }
    }

    fn begin_row(&mut self) {
        self.position = RowPosition { line: self.line, byte: self.byte };
        self.row.clear();
        self.fault = None;
        self.place = Place::FieldStart;
        self.field = 0;
    }

    /// Takes bytes up to a row's end: how many, and whether it came.
    fn take(&mut self, input: &[u8]) -> (usize, bool) {
        let mut whole = false;
        let mut taken = 0;
        let mut before = 0;
        for byte in input {
            taken += 1;
            // `\r\n` is one line end, whose second half neither begins a line nor belongs to the next row.
            let second_half = self.after_return && *byte == b'\n';
            self.after_return = *byte == b'\r';
            let first_of_row = self.byte == self.position.byte;
            self.byte += 1;
            if second_half && first_of_row {
                self.position.byte = self.byte;
                before = taken;
                continue;
            }
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
                (Place::FieldStart, byte) if self.byte <= 3 && BYTE_ORDER_MARK.contains(byte) => Place::FieldStart,
                (Place::FieldStart | Place::Unquoted, _) => Place::Unquoted,
            };
            if self.place == Place::Quoted && self.byte - self.position.byte > PATIENCE * self.limits.row_bytes as u64 {
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

    /// The file is over: an open quote will not be closed any more.
    fn end(&mut self) {
        if self.place == Place::Quoted {
            self.fault = Some(Fault::NeverClosed(self.field, self.quote_line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_one_row_however_long_the_row_is() {
        let mut decoder = Csv::<Vec<String>>::new(Limits { row_bytes: 100, fields: 4 });
        assert!(decoder.read(b"name\n").1.is_none());
        for _ in 0..10_000 {
            assert!(decoder.read(&[b'x'; 90]).1.is_none());
            assert!(decoder.splitter.row.capacity() <= 400);
        }
        assert!(decoder.read(b"x\n").1.unwrap().is_err());
        let (_, row) = decoder.read(b"short\n");
        assert_eq!(row.unwrap().unwrap(), (RowPosition { line: 3, byte: 900_007 }, vec!["short".to_owned()]));
    }
}
