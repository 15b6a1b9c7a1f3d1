//! What an import file says about products, and what became of each of its rows.
//! The rule: a field that a row leaves out stays as it is; importing a file twice changes nothing the second time.

mod merge;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kernel::{ImportId, Money, ProductId, Sku, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use merge::{Holders, Merge, Merged, Owner, Standing, merge};
pub use names::Names;

use super::barcode::Barcode;
use super::measure::Grams;
use super::product::{Product, SettableStatus};
use super::wording::{Brand, Description, ShortDescription, Tag, Title};

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The import.
    pub import: ImportId,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose product is new.
    pub created: u64,
    /// Rows that changed a product or its stock.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that were refused.
    pub failed: u64,
    /// Why it ended before the file did.
    pub ended_early: Option<String>,
}

/// One product of the file: an NDJSON row, or neighbouring CSV rows with the same slug. A call that writes many products has the
/// same rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "struct ProductRow")]
#[schemars(rename = "ProductRow")]
pub struct ImportedProduct {
    /// The line on which it begins, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Finds the stored product.
    pub slug: Slug,
    /// Its name for people; required for a new product.
    pub title: Option<Title>,
    /// The category's slug, or slugs from an ancestor down joined by `/`.
    #[schemars(length(max = 1000))]
    pub category: Option<String>,
    /// Who makes it.
    pub brand: Option<Brand>,
    /// A sentence or two about it.
    pub short_description: Option<ShortDescription>,
    /// Its description.
    pub description: Option<Description>,
    /// Words to find it by, all of them.
    #[schemars(length(max = 50))]
    pub tags: Option<BTreeSet<Tag>>,
    /// Its status; a new product is active when the file does not say.
    pub status: Option<SettableStatus>,
    /// Its variants in the file.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub variants: Vec<ImportedVariant>,
    /// Whether one wrong variant refuses the whole product (NDJSON, where it is one row).
    #[serde(skip)]
    pub whole: bool,
}

/// One variant of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "struct VariantRow")]
#[schemars(rename = "VariantRow")]
pub struct ImportedVariant {
    /// The line on which it stands, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Stands before the names of its columns in a report: `""` in CSV, `"variants[0]."` in NDJSON.
    #[serde(skip)]
    pub prefix: String,
    /// Finds the stored variant.
    pub sku: Sku,
    /// Its name for people; the product's title when a new variant has none.
    pub title: Option<Title>,
    /// The price of one piece; required for a new variant.
    pub price: Option<Money>,
    /// What one piece cost before, or elsewhere.
    pub compare_at: Option<Money>,
    /// What one piece costs the seller.
    pub cost: Option<Money>,
    /// Its GTIN.
    pub barcode: Option<Barcode>,
    /// What one piece weighs, packed.
    pub weight_grams: Option<Grams>,
    /// Pieces on hand from now on. When the file does not say, they stay, and a new variant begins with 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub stock: Option<i64>,
}

impl ImportedProduct {
    /// The lines that it stands on.
    #[must_use]
    pub fn lines(&self) -> BTreeSet<u64> {
        self.variants.iter().map(|variant| variant.line).chain([self.line]).collect()
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowResult {
    /// Its product is new.
    Created,
    /// It changed its product or its stock.
    Updated,
    /// It changed nothing.
    Unchanged,
    /// It was refused; see its errors.
    Failed,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowFault {
    /// The column by its name in the header, or the field by its path in the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why it was refused.
    pub reason: String,
}

impl RowFault {
    /// A fault in a column.
    pub fn new(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { column: Some(column.into()), reason: reason.into() }
    }

    /// The fault of a product with more variants than one may have.
    pub fn too_many_variants() -> Self {
        let limit = Product::MOST_VARIANTS;
        Self { column: None, reason: format!("its product has more than {limit} variants, so all of it is refused") }
    }
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowOutcome {
    /// The line of the file, or the place in the call, from 1.
    pub line: u64,
    /// What became of it.
    pub result: RowResult,
    /// Its slug, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// Its product, when it has one now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowFault>,
}

/// What became of the products of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpsertedProducts {
    /// Each product's, in the order of the call.
    rows: Vec<RowOutcome>,
    /// Products that are new.
    created: usize,
    /// Products that changed, or their stock.
    updated: usize,
    /// Products that were so already.
    unchanged: usize,
    /// Products that were refused.
    failed: usize,
}

impl UpsertedProducts {
    /// Counts the outcomes of rows, which come in any order.
    #[must_use]
    pub fn of(mut rows: Vec<RowOutcome>) -> Self {
        rows.sort_by_key(|row| row.line);
        let count = |result: RowResult| rows.iter().filter(|row| row.result == result).count();
        let (created, updated) = (count(RowResult::Created), count(RowResult::Updated));
        let (unchanged, failed) = (count(RowResult::Unchanged), count(RowResult::Failed));
        Self { rows, created, updated, unchanged, failed }
    }

    /// The rows that were refused.
    pub fn refused(&self) -> impl Iterator<Item = &RowOutcome> {
        self.rows.iter().filter(|row| row.result == RowResult::Failed)
    }

    /// The products that were written.
    pub fn written(&self) -> impl Iterator<Item = ProductId> {
        let written = |row: &&RowOutcome| matches!(row.result, RowResult::Created | RowResult::Updated);
        self.rows.iter().filter(written).filter_map(|row| row.product)
    }
}

impl RowOutcome {
    /// A row that was refused.
    #[must_use]
    pub fn failed(line: u64, slug: Option<Slug>, errors: Vec<RowFault>) -> Self {
        Self { line, result: RowResult::Failed, slug, product: None, errors }
    }
}
