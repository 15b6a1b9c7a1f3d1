//! CSV: splits the bytes into rows, keeping count of lines, and hands each whole row to `csv-core`. The
//! splitter is our own, because a parser cannot tell a row that is too long from a quote that never closes.

mod splitter;

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::rows::{Decoder, Outcome};
use crate::{Limits, RowError};
use splitter::{BYTE_ORDER_MARK, Splitter};

const EMPTY: &str = "the file is empty; its first line must name the columns";

/// Decodes CSV with a header into `T`.
pub(crate) struct Csv<T> {
    splitter: Splitter,
    parser: csv_core::Reader,
    /// The bytes of one row's fields, and where each field ends.
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

    /// Decodes the splitter's row; `None` when it was the header or empty.
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
        if line == 1 && self.splitter.row.starts_with(BYTE_ORDER_MARK) {
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

    /// Splits the row into the fields of the record.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowPosition;

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
        assert_eq!(row.unwrap().unwrap(), (RowPosition { line: 3 }, vec!["short".to_owned()]));
    }
}
