#![doc = include_str!("../README.md")]
//!
//! `rows` feeds the chunks of a source to a decoder, `ndjson` or `csv`. The rule: a wrong row is reported, and the next
//! one is read.

mod csv;
mod format;
mod ndjson;
mod row;
mod rows;

use std::collections::BTreeMap;
use std::fmt::Display;

use bytes::Bytes;
use futures::Stream;
use serde::de::DeserializeOwned;

pub use format::Format;
pub use row::{Limits, RowError, RowPosition};
pub use rows::Outcome;

/// A CSV row: each column's text under the column's name.
pub type Record = BTreeMap<String, String>;

/// Reads a CSV file whose first line names the columns. Pin it to take its rows with `StreamExt::next`.
pub fn csv<T, S, E>(source: S, limits: Limits) -> impl Stream<Item = Outcome<T>>
where
    T: DeserializeOwned,
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
{
    rows::rows(source, csv::Csv::new(limits))
}

/// Reads a file with one JSON value on each line. Pin it to take its rows with `StreamExt::next`.
pub fn ndjson<T, S, E>(source: S, limits: Limits) -> impl Stream<Item = Outcome<T>>
where
    T: DeserializeOwned,
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
{
    rows::rows(source, ndjson::Ndjson::new(limits))
}
