//! Domain → contract: the life of an order, published on `order.order.v1` under the order's id.

use contracts::{catalog, order};

use crate::domain::{Cause, Order, OrderEvent, Refusal};

/// The fact that others hear.
#[must_use]
pub fn event(event: &OrderEvent) -> order::OrderEvent {
    match event {
        OrderEvent::Placed(placed) => order::OrderEvent::Placed(self::placed(placed)),
        OrderEvent::Confirmed { order, total } => {
            order::OrderEvent::Confirmed(order::Confirmed { order: *order, total: *total })
        }
        OrderEvent::Rejected { order, reasons } => order::OrderEvent::Rejected(order::Rejected {
            order: *order,
            reasons: reasons.iter().map(reason).collect(),
        }),
        OrderEvent::Cancelled { order, cause } => {
            order::OrderEvent::Cancelled(order::Cancelled { order: *order, cause: self::cause(*cause) })
        }
    }
}

fn placed(order: &Order) -> order::Placed {
    let line = |line: &crate::domain::Line| order::OrderLine {
        sku: line.sku.clone(),
        product: line.product,
        variant: line.variant,
        product_version: line.product_version,
        quantity: line.quantity,
        unit_price: line.unit_price,
    };
    order::Placed {
        order: order.id,
        lines: order.lines.iter().map(line).collect(),
        total: order.total,
        placed_at: order.placed_at,
        deadline_at: order.deadline_at,
        shopper_reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
    }
}

fn cause(cause: Cause) -> order::Cause {
    match cause {
        Cause::Shopper => order::Cause::Shopper,
        Cause::Staff => order::Cause::Staff,
        Cause::Deadline => order::Cause::Deadline,
        Cause::ReservationExpired => order::Cause::ReservationExpired,
    }
}

fn reason(refusal: &Refusal) -> catalog::Reason {
    match refusal.clone() {
        Refusal::UnknownSku { sku } => catalog::Reason::UnknownSku { sku },
        Refusal::OutOfStock { sku, requested, available } => catalog::Reason::OutOfStock { sku, requested, available },
        Refusal::PriceChanged { sku, offered, current } => catalog::Reason::PriceChanged { sku, offered, current },
        Refusal::NotForSale { sku } => catalog::Reason::NotForSale { sku },
        Refusal::OrderCancelled => catalog::Reason::OrderCancelled,
    }
}
