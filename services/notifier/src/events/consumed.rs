//! Events of other services as the facts that the team is told of. Nothing is decided here.

use contracts::catalog::StockEvent;
use contracts::order::{OrderEvent, StockPolicy};
use kernel::Quantity;

use crate::domain::Fact;

/// The fact in an event of an order; none where the team is not told of it.
#[must_use]
pub fn order_fact(event: OrderEvent) -> Option<Fact> {
    // Orders that take nothing from stock are brought in as history, thousands at a time.
    if event.standing().is_some_and(|standing| standing.stock == StockPolicy::Skip) {
        return None;
    }
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
        | OrderEvent::AdditionRequested(_)
        | OrderEvent::AdditionRefused(_)
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

#[cfg(test)]
mod tests {
    use contracts::order::{FulfilmentStatus, PaymentStatus, Placed, Source, Standing, Status};
    use kernel::{ChannelCode, Clock, Currency, Money, OrderId};

    use super::*;

    fn placed(source: Source, stock: StockPolicy) -> OrderEvent {
        let nothing = Money::from_minor(0, Currency::parse("USD").unwrap()).unwrap();
        let standing = Standing {
            number: None,
            source,
            stock,
            oversold: false,
            status: Status::Pending,
            payment: PaymentStatus::Paid,
            fulfilment: FulfilmentStatus::Unfulfilled,
            channel: ChannelCode::shop(),
            customer: None,
            buyer: None,
            total: nothing,
            authorised: nothing,
            paid: nothing,
            refunded: nothing,
            lines: Vec::new(),
        };
        let (order, now) = (OrderId::new(), Clock::now());
        OrderEvent::Placed(Placed {
            order,
            lines: Vec::new(),
            total: nothing,
            placed_at: now,
            deadline_at: now,
            shopper_reference: None,
            standing: Some(Box::new(standing)),
        })
    }

    #[test]
    fn history_that_is_brought_in_is_not_told_and_what_was_sold_elsewhere_just_now_is() {
        assert!(order_fact(placed(Source::Import, StockPolicy::Skip)).is_none());
        assert!(order_fact(placed(Source::Import, StockPolicy::Update)).is_some());
        assert!(order_fact(placed(Source::Shop, StockPolicy::Update)).is_some());
    }
}
