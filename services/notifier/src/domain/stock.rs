//! What can be sold of a variant, as the notifier's own copy has it.
//! The rule: a variant that is gone is remembered as gone.

use contracts::catalog::Availability;
use kernel::{OrganisationId, Sku, VariantId};

/// The state of a variant's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCopy {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The variant.
    pub variant: VariantId,
    /// What there is; none once the variant is gone.
    pub level: Option<StockLevel>,
    /// The version of this state.
    pub version: i64,
}

/// What there is of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// The seller's name of it.
    pub sku: Sku,
    /// What shoppers are told.
    pub availability: Availability,
    /// The pieces that an order may still have, backorders included; 1000000000 stands for any number.
    pub sellable: i64,
    /// The pieces in the house that nobody was promised, less the safety stock.
    pub available: i64,
    /// The pieces in the house.
    pub on_hand: i64,
}
