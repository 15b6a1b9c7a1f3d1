//! The products of one call as those of a file with a line for each: the same reading, the same rules.

use std::convert::Infallible;

use bytes::Bytes;
use exchange::Format;
use futures::{StreamExt as _, stream};
use serde_json::{Map, Value};

use super::file::{self, Item};
use crate::commands::upsert_products::UpsertProducts;
use crate::domain::import::{ImportedProduct, Names, RowFault, RowOutcome};
use crate::domain::locale::DefaultLocale;

/// A row of a call as it was sent. It is held to the rules of an import row, and refused alone.
pub type SentRow = Map<String, Value>;

/// The most bytes of a row: no less than those of a whole call, so that every product fits.
const MOST_BYTES: usize = 1_048_576;
/// The most variants that one call writes: what one transaction does in well under a second.
const MOST_VARIANTS: usize = 5_000;

/// Reads products as the lines of an NDJSON file, whose texts are in the language `own`. Those that cannot be read, that share a name with one before, or that are beyond
/// the bound of a call, are refused.
pub async fn read(products: &[SentRow], all_or_nothing: bool, own: &DefaultLocale) -> UpsertProducts {
    let mut file = Vec::new();
    for product in products {
        // JSON in memory can be written, and has no line break outside of a text, where it is escaped.
        let written = serde_json::to_writer(&mut file, product);
        debug_assert!(written.is_ok());
        file.push(b'\n');
    }
    let file = stream::iter([Ok::<Bytes, Infallible>(file.into())]);
    let mut items = file::read(Format::Ndjson, own.clone(), MOST_BYTES, file);
    let mut command = UpsertProducts { products: Vec::new(), refused: Vec::new(), all_or_nothing };
    let mut names = Names::default();
    while let Some(item) = items.next().await {
        match item {
            Item::Refused(outcome) => command.refused.push(outcome),
            Item::Product(product) => match names.clash(&product).or_else(|| beyond(&names, &product)) {
                Some(fault) => command.refused.push(RowOutcome::failed(product.line, Some(product.slug), vec![fault])),
                None => {
                    names.add(&product);
                    command.products.push(*product);
                }
            },
        }
    }
    command
}

fn beyond(names: &Names, product: &ImportedProduct) -> Option<RowFault> {
    let reason = || format!("a call has at most {MOST_VARIANTS} variants in all; send this product in another one");
    (names.variants() + product.variants.len() > MOST_VARIANTS).then(|| RowFault::new("variants", reason()))
}
