//! Events of other services as the facts that the team is told of. Nothing is decided here.

use contracts::catalog::StockEvent;
use contracts::order::OrderEvent;
use kernel::Quantity;

use crate::domain::Fact;

/// The fact in an event of an order.
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
        OrderEvent::Rejected(rejected) => Fact::OrderRejected { order: rejected.order, reasons: rejected.reasons },
        OrderEvent::Cancelled(cancelled) => Fact::OrderCancelled { order: cancelled.order, cause: cancelled.cause },
    }
}

/// The fact in an event of the stock.
#[must_use]
pub fn stock_fact(event: StockEvent) -> Fact {
    match event {
        StockEvent::Low(low) => Fact::StockLow { sku: low.sku, available: low.available, threshold: low.threshold },
    }
}
