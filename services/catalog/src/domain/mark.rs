//! Marks of SKUs whose availability is to be published again.

use kernel::{OrganisationId, ProductId, Sku, Timestamp};

/// One SKU whose availability has changed since it was last published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose SKU it is.
    pub organisation: OrganisationId,
    /// The SKU.
    pub sku: Sku,
    /// When it was marked.
    pub marked_at: Timestamp,
    /// When what shoppers are shown of the product changed last, if it did.
    pub turned: Option<(Timestamp, ProductId)>,
}
