//! How many orders somebody may have open at once. Each holds stock that nobody else can buy, and costs nothing to place.
//! The rule: an order is open for a day at most, or until somebody pays for it, it is cancelled or rejected, whichever comes first.
//! One that costs nothing is open, too, since nobody pays for it, and so is one that waits for its turn.

use std::net::IpAddr;

use aws_lc_rs::digest;
use kernel::CustomerId;
use serde::{Deserialize, Serialize};

/// The most open orders; 0 is no limit. Orders that are placed at the same moment are not counted against each other, so a
/// few more may come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLimits {
    /// Of one customer.
    pub per_customer: u32,
    /// Of everybody at one address.
    pub per_address: u32,
}

/// Where an order is placed from, by a SHA-256 digest. That hides an address at a glance only: there are few enough to try
/// them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin([u8; 32]);

impl Origin {
    /// The digest of an address; of IPv6 the first 64 bits, since one customer of a provider has the whole network.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let text = match address.to_canonical() {
            IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
            IpAddr::V4(address) => address.to_string(),
        };
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A digest that was stored; none where it has another length.
    #[must_use]
    pub fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }
}

/// Whose open orders are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A customer's.
    Customer(CustomerId),
    /// Those from one address.
    Origin(Origin),
}

/// Whether orders that wait for their turn count as open ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They do, for whoever wants one more.
    Counted,
    /// They do not, where their turn has come.
    LeftOut,
}

impl HoldLimits {
    /// Staff may place as many as it wants.
    pub const NONE: Self = Self { per_customer: 0, per_address: 0 };

    /// Who is counted for an order of this customer from this place, with the most that each may have.
    pub fn holders(self, customer: Option<CustomerId>, origin: Option<Origin>) -> impl Iterator<Item = (Holder, u32)> {
        let customer = customer.map(|customer| (Holder::Customer(customer), self.per_customer));
        let origin = origin.map(|origin| (Holder::Origin(origin), self.per_address));
        customer.into_iter().chain(origin).filter(|(_, limit)| *limit > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_one_household_is_one_place() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }

    #[test]
    fn a_limit_of_zero_counts_nobody() {
        let counted = |per_customer, per_address, customer| {
            HoldLimits { per_customer, per_address }.holders(customer, Some(origin("192.0.2.1"))).count()
        };
        let customer = Some(CustomerId::new());
        assert_eq!(
            [counted(1, 1, customer), counted(1, 1, None), counted(1, 0, customer), counted(0, 0, customer)],
            [2, 1, 1, 0]
        );
    }
}
