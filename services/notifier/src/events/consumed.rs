//! Events of other services as the facts that the team is told of. Nothing is decided here.

use contracts::catalog::StockEvent;
use contracts::order::OrderEvent;
use kernel::Quantity;

use crate::domain::Fact;

/// The fact in an event of an order; none where the team is not told of it.
#[must_use]
pub fn order_fact(event: OrderEvent) -> Option<Fact> {
    Some(match event {
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
        // What the team does with an order itself is no news to it.
        OrderEvent::LinesCancelled(_)
        | OrderEvent::Edited(_)
        | OrderEvent::Held(_)
        | OrderEvent::Released(_)
        | OrderEvent::CancellationRequested(_)
        | OrderEvent::CancellationDeclined(_)
        | OrderEvent::Packed(_)
        | OrderEvent::Shipped(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Completed(_)
        | OrderEvent::ReturnRequested(_)
        | OrderEvent::ReturnApproved(_)
        | OrderEvent::ReturnDeclined(_)
        | OrderEvent::Returned(_)
        | OrderEvent::PaymentRecorded(_)
        | OrderEvent::Refunded(_)
        | OrderEvent::NoteAdded(_)
        | OrderEvent::ContactErased(_)
        | OrderEvent::Oversold(_) => return None,
    })
}

/// The fact in an event of the stock.
#[must_use]
pub fn stock_fact(event: StockEvent) -> Option<Fact> {
    match event {
        StockEvent::Low(low) => {
            Some(Fact::StockLow { sku: low.sku, available: low.available, threshold: low.threshold })
        }
    }
}
