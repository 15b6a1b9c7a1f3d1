//! Domain → contract: the life of an order, published on `order.order.v1` under the order's id.
//! The rule: only the shape changes here; nothing is decided.

use contracts::order;

use crate::domain::{Line, OrderEvent, OrderView};

/// The event as other services read it.
#[must_use]
pub fn event(event: OrderEvent) -> order::OrderEvent {
    match event {
        OrderEvent::Placed(order) => placed(*order).into(),
        OrderEvent::Confirmed { order, total } => order::Confirmed { order, total }.into(),
        OrderEvent::Rejected { order, reasons } => order::Rejected { order, reasons }.into(),
        OrderEvent::Cancelled { order, cause } => order::Cancelled { order, cause }.into(),
    }
}

fn placed(order: OrderView) -> order::Placed {
    order::Placed {
        order: order.id,
        lines: order.lines.into_iter().map(line).collect(),
        total: order.total,
        placed_at: order.placed_at,
        deadline_at: order.deadline_at,
        shopper_reference: order.reference.map(|reference| reference.as_str().to_owned()),
    }
}

fn line(line: Line) -> order::OrderLine {
    order::OrderLine {
        sku: line.sku,
        product: line.product,
        variant: line.variant,
        product_version: line.product_version,
        quantity: line.quantity,
        unit_price: line.unit_price,
    }
}
