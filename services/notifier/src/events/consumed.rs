//! Contract → the notifier's own words. No decision is taken here.

use contracts::catalog::{self, StockEvent};
use contracts::order::OrderEvent;
use kernel::Quantity;

use crate::domain::{Fact, Reason};

/// An order's event as a fact to tell.
#[must_use]
pub fn order_fact(event: OrderEvent) -> Fact {
    match event {
        OrderEvent::Placed(placed) => Fact::OrderPlaced {
            order: placed.order,
            lines: u32::try_from(placed.lines.len()).unwrap_or(u32::MAX),
            units: placed.lines.iter().map(|line| line.quantity).map(Quantity::get).fold(0, i64::saturating_add),
            total: placed.total,
            reference: placed.shopper_reference,
        },
        OrderEvent::Confirmed(confirmed) => Fact::OrderConfirmed { order: confirmed.order, total: confirmed.total },
        OrderEvent::Rejected(rejected) => {
            Fact::OrderRejected { order: rejected.order, reasons: rejected.reasons.into_iter().map(reason).collect() }
        }
        OrderEvent::Cancelled(cancelled) => {
            Fact::OrderCancelled { order: cancelled.order, cause: cancelled.cause.as_str().to_owned() }
        }
    }
}

/// A stock event as a fact to tell.
#[must_use]
pub fn stock_fact(event: StockEvent) -> Fact {
    match event {
        StockEvent::Low(low) => Fact::StockLow { sku: low.sku, available: low.available, threshold: low.threshold },
    }
}

fn reason(reason: catalog::Reason) -> Reason {
    match reason {
        catalog::Reason::UnknownSku { sku } => Reason::UnknownSku { sku },
        catalog::Reason::OutOfStock { sku, requested, available } => Reason::OutOfStock { sku, requested, available },
        catalog::Reason::PriceChanged { sku, offered, current } => Reason::PriceChanged { sku, offered, current },
        catalog::Reason::NotForSale { sku } => Reason::NotForSale { sku },
        catalog::Reason::OrderCancelled => Reason::OrderCancelled,
    }
}
