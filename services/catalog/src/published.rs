//! The catalog's domain values as the events on its own topics. Sees the domain only.

use contracts::catalog::{
    ConfirmRefused, Expired, Low, ProductState, Rejected, ReservationEvent, Reserved, ReservedLine, StockEvent,
    VariantState,
};
use kernel::{OrderId, ProductId, Sku, VariantId};

use crate::domain::product::Product;
use crate::domain::reservation::{Notice, quantity};
use crate::domain::stock::Stock;

/// The whole product as it is now.
pub(crate) fn product(product: &Product) -> ProductState {
    ProductState {
        product: product.id(),
        title: product.title().as_str().to_owned(),
        slug: product.slug().clone(),
        category: product.category(),
        status: product.status(),
        variants: product
            .variants()
            .iter()
            .map(|variant| VariantState {
                variant: variant.id,
                sku: variant.sku.clone(),
                title: variant.title.as_str().to_owned(),
                price: variant.price,
                active: variant.active,
            })
            .collect(),
        version: product.version(),
    }
}

/// What order is told about a reservation.
pub(crate) fn reservation(order: OrderId, notice: Notice) -> ReservationEvent {
    match notice {
        Notice::Reserved { lines, expires_at } => ReservationEvent::Reserved(Reserved {
            order,
            lines: lines
                .into_iter()
                .map(|line| ReservedLine { quantity: quantity(line.pieces), sku: line.sku })
                .collect(),
            expires_at,
        }),
        Notice::Rejected(reasons) => ReservationEvent::Rejected(Rejected { order, reasons }),
        Notice::Expired => ReservationEvent::Expired(Expired { order }),
        Notice::ConfirmRefused => ReservationEvent::ConfirmRefused(ConfirmRefused { order }),
    }
}

/// The warning that the available stock is at its threshold or below.
pub(crate) fn low(sku: Sku, (product, variant): (ProductId, VariantId), stock: Stock) -> StockEvent {
    let (available, threshold) = (stock.level.available(), stock.low_threshold);
    StockEvent::Low(Low { sku, product, variant, available, threshold })
}
