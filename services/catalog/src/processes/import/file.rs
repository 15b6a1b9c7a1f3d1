//! The file as products: rows in, products and refused rows out. Products come in the order of the file; a refused row may come
//! before the product that its neighbours are.

use std::fmt::Display;

use bytes::Bytes;
use exchange::{Format, Limits, Record, RowError};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};

use super::rows::{csv_row, join, json_row};
use crate::domain::import::{ImportedProduct, RowFault, RowOutcome};
use crate::domain::locale::DefaultLocale;
use crate::domain::product::Product;

/// A product of the file, or a row that could not be read as one.
pub(super) enum Item {
    Product(Box<ImportedProduct>),
    Refused(RowOutcome),
}

/// The most columns of a CSV file.
const FIELDS: usize = 64;

/// Reads the pieces of a file as they arrive, whose texts are in the language `own` and whose rows have at most so many bytes.
pub(super) fn read<E: Display + 'static>(
    format: Format,
    own: DefaultLocale,
    row_bytes: usize,
    source: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> BoxStream<'static, Item> {
    let limits = Limits { row_bytes, fields: FIELDS };
    match format {
        Format::Ndjson => exchange::ndjson::<ImportedProduct, _, E>(source, limits)
            .map(move |row| match row {
                Ok((position, product)) => match own.check(product.translations.set()) {
                    Ok(()) => Item::Product(Box::new(json_row(position.line, product))),
                    Err(fault) => {
                        let faults = vec![RowFault::new(fault.field(), fault.to_string())];
                        Item::Refused(RowOutcome::failed(position.line, Some(product.slug), faults))
                    }
                },
                Err(error) => Item::Refused(refused(error)),
            })
            .boxed(),
        Format::Csv => {
            let rows = exchange::csv::<Record, _, E>(source, limits).map(Some).chain(stream::iter([None]));
            let mut neighbours = Neighbours::default();
            rows.flat_map(move |row| stream::iter(neighbours.take(row))).boxed()
        }
    }
}

/// Joins neighbouring CSV rows with the same slug.
#[derive(Default)]
struct Neighbours(Option<ImportedProduct>);

impl Neighbours {
    /// Takes the next row, or the end of the file.
    fn take(&mut self, row: Option<Result<(exchange::RowPosition, Record), RowError>>) -> Vec<Item> {
        let next = match row {
            None => return self.0.take().map(product).into_iter().collect(),
            Some(Err(error)) => return vec![Item::Refused(refused(error))],
            Some(Ok((position, record))) => match csv_row(position.line, &record) {
                Ok(next) => next,
                Err((slug, faults)) => return vec![Item::Refused(RowOutcome::failed(position.line, slug, faults))],
            },
        };
        match &mut self.0 {
            // One variant too many refuses the whole product; what comes after it need not be kept for that.
            Some(product) if product.slug == next.slug && product.variants.len() > Product::MOST_VARIANTS => {
                let fault = RowFault::too_many_variants();
                vec![Item::Refused(RowOutcome::failed(next.line, Some(next.slug), vec![fault]))]
            }
            Some(product) if product.slug == next.slug => {
                let (line, slug) = (next.line, next.slug.clone());
                match join(product, next) {
                    Ok(()) => Vec::new(),
                    Err(faults) => vec![Item::Refused(RowOutcome::failed(line, Some(slug), faults))],
                }
            }
            waiting => waiting.replace(next).map(product).into_iter().collect(),
        }
    }
}

fn product(product: ImportedProduct) -> Item {
    Item::Product(Box::new(product))
}

fn refused(error: RowError) -> RowOutcome {
    RowOutcome::failed(error.line, None, vec![RowFault { column: error.column, reason: error.reason }])
}
