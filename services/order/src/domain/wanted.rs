//! An order that somebody wants, with all that placing it needs. The rule: however an order comes in and whenever it is placed, this
//! is what it was when it came in.

use kernel::{ChannelCode, CustomerId, OrderId};

use super::{
    contact::{BuyerKey, ContactDetails},
    draft::Draft,
    holds::{HoldLimits, Origin},
    reference::Reference,
    token::TokenDigest,
};

/// An order that somebody wants.
#[derive(Debug, Clone)]
pub struct WantedOrder {
    /// The identity that the order will have.
    pub order: OrderId,
    /// The digest of the token that its holder has.
    pub token: TokenDigest,
    /// What is wanted.
    pub draft: Draft,
    /// Where it is sold.
    pub channel: ChannelCode,
    /// The shopper's reference.
    pub reference: Option<Reference>,
    /// The customer who places it; none for a guest.
    pub customer: Option<CustomerId>,
    /// Who orders and where it goes.
    pub contact_details: ContactDetails,
    /// Where a shopper places it from.
    pub placed_from: Option<Origin>,
    /// How many open orders somebody may have.
    pub limits: HoldLimits,
    /// Seconds until it is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
}

impl WantedOrder {
    /// Where it is placed from, if that is counted.
    #[must_use]
    pub fn counted_from(&self) -> Option<Origin> {
        self.placed_from.filter(|_| self.limits.per_address > 0)
    }

    /// The key of whoever orders; none where nobody is named.
    #[must_use]
    pub fn buyer_key(&self) -> Option<BuyerKey> {
        BuyerKey::of(self.customer, self.contact_details.contact.as_ref())
    }
}
