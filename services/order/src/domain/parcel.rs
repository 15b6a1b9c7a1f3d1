//! Parcels: what left, with whom, and whether it arrived. The rule: a parcel's pieces never change.

use kernel::{ParcelId, Quantity, Sku, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::Label;

/// Who carries a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dispatch {
    /// The parcel.
    pub id: ParcelId,
    /// Who carries it.
    pub carrier: Option<Label>,
    /// The carrier's number of it.
    pub tracking_number: Option<Label>,
}

/// Pieces of one SKU: in a parcel, or in a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkuPieces {
    /// The SKU.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// A parcel as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// Its identity.
    pub id: ParcelId,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Label>,
    /// The carrier's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<Label>,
    /// What is in it.
    pub lines: Vec<SkuPieces>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// When it arrived, as far as anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
}
