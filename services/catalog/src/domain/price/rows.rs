//! What became of the prices that one call gives many variants: a result per row, and their counts.

use kernel::{PriceId, ProductId, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceOutcome {
    /// The row's place in the call, from 1.
    pub line: u64,
    /// Whether it wrote something.
    pub result: PriceResult,
    /// The SKU that it names.
    pub sku: Sku,
    /// The product that has the SKU, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The price for a while that it created; it can be ended by this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceId>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether a row wrote a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PriceResult {
    /// A price for a while was created.
    Created,
    /// The base price was changed.
    Updated,
    /// The base price was so already.
    Unchanged,
    /// It was refused.
    Failed,
}

/// What became of the prices of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenPrices {
    /// Each row's outcome, in the order of the call.
    pub rows: Vec<PriceOutcome>,
    /// Rows that created a price for a while.
    pub created: usize,
    /// Rows that changed a base price.
    pub updated: usize,
    /// Rows whose base price was so already.
    pub unchanged: usize,
    /// Rows that were refused.
    pub failed: usize,
}

impl WrittenPrices {
    /// Counts outcomes.
    #[must_use]
    pub fn of(rows: Vec<PriceOutcome>) -> Self {
        let count = |result: PriceResult| rows.iter().filter(|row| row.result == result).count();
        let (created, updated) = (count(PriceResult::Created), count(PriceResult::Updated));
        let (unchanged, failed) = (count(PriceResult::Unchanged), count(PriceResult::Failed));
        Self { rows, created, updated, unchanged, failed }
    }

    /// The products whose prices were written.
    pub fn products(&self) -> impl Iterator<Item = ProductId> {
        let is_written = |row: &&PriceOutcome| matches!(row.result, PriceResult::Created | PriceResult::Updated);
        self.rows.iter().filter(is_written).filter_map(|row| row.product)
    }
}
