//! An order as the notifier's own copy has it: what people ask for in a chat, and nothing about the person who ordered.
//! The rule: the newest version counts, in whatever order the events come.

use std::collections::BTreeMap;

use contracts::order::{FulfilmentStatus, PaymentStatus, Status};
use kernel::{ChannelCode, Money, OrderId, OrganisationId, Sku, Timestamp};
use serde::{Deserialize, Serialize};

/// The lines of an order that are kept.
pub const LINES_KEPT: usize = 20;

/// An order after one of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCopy {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// Its number in the organisation, where the event says it.
    pub number: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment: FulfilmentStatus,
    /// Where it was sold.
    pub channel: ChannelCode,
    /// What it comes to.
    pub total: Money,
    /// Its first lines, at most [`LINES_KEPT`].
    pub lines: Vec<OrderedLine>,
    /// How many lines it has.
    pub line_count: usize,
    /// When it was placed, where the event says it.
    pub placed_at: Option<Timestamp>,
    /// When the event happened.
    pub said_at: Timestamp,
    /// The version of the order after the event.
    pub version: i64,
}

/// So many pieces of a SKU. The JSON is also the form that is stored: it may grow and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedLine {
    /// The seller's name of it.
    pub sku: Sku,
    /// The pieces, without those that were cancelled.
    pub pieces: i64,
}

/// The newest copy of each order, in the order of organisations and ids, with the time of its placing wherever one of them says it.
#[must_use]
pub fn newest_of_each(copies: Vec<OrderCopy>) -> Vec<OrderCopy> {
    let mut newest: BTreeMap<(OrganisationId, OrderId), OrderCopy> = BTreeMap::new();
    for copy in copies {
        let key = (copy.organisation, copy.order);
        let kept = match newest.remove(&key) {
            None => copy,
            Some(known) => {
                let placed_at = known.placed_at.or(copy.placed_at);
                let newer = if copy.version > known.version { copy } else { known };
                OrderCopy { placed_at, ..newer }
            }
        };
        newest.insert(key, kept);
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Currency};

    use super::*;

    #[test]
    fn of_several_events_of_an_order_the_newest_counts_and_the_time_of_placing_stays() {
        let (organisation, order, now) = (OrganisationId::new(), OrderId::new(), Clock::now());
        let copy = |version, status, placed_at| OrderCopy {
            organisation,
            order,
            number: Some(1001),
            status,
            payment: PaymentStatus::Unpaid,
            fulfilment: FulfilmentStatus::Unfulfilled,
            channel: ChannelCode::shop(),
            total: Money::from_minor(1, Currency::parse("USD").unwrap()).unwrap(),
            lines: Vec::new(),
            line_count: 0,
            placed_at,
            said_at: now,
            version,
        };
        let (placed, confirmed) = (copy(1, Status::Pending, Some(now)), copy(2, Status::Confirmed, None));
        let expected = OrderCopy { placed_at: Some(now), ..confirmed.clone() };
        for events in [vec![placed.clone(), confirmed.clone()], vec![confirmed, placed.clone(), placed]] {
            assert_eq!(newest_of_each(events), std::slice::from_ref(&expected));
        }
    }
}
