//! What the catalog says on its own topics: domain values become contracts.

use contracts::catalog::{
    ConfirmRefused, Expired, Low, ProductState, ProductStatus as PublishedStatus, Reason, Rejected, ReservationEvent,
    Reserved, ReservedLine, StockEvent, VariantState,
};
use kernel::{OrderId, Quantity, Sku};

use crate::domain::product::{Product, ProductStatus};
use crate::domain::reservation::{Answer, Refusal, Shelf};

/// The whole product as it is now.
pub(crate) fn product(product: &Product) -> ProductState {
    ProductState {
        product: product.id(),
        title: product.title().as_str().to_owned(),
        slug: product.slug().clone(),
        category: product.category(),
        status: match product.status() {
            ProductStatus::Draft => PublishedStatus::Draft,
            ProductStatus::Active => PublishedStatus::Active,
            ProductStatus::Retired => PublishedStatus::Retired,
        },
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

/// The answer to an order.
pub(crate) fn answer(order: OrderId, answer: Answer) -> ReservationEvent {
    match answer {
        Answer::Reserved { lines, expires_at } => ReservationEvent::Reserved(Reserved {
            order,
            lines: lines
                .into_iter()
                .map(|line| ReservedLine { quantity: quantity(line.pieces), sku: line.sku })
                .collect(),
            expires_at,
        }),
        Answer::Rejected(refusals) => {
            ReservationEvent::Rejected(Rejected { order, reasons: refusals.into_iter().map(reason).collect() })
        }
        Answer::Expired => ReservationEvent::Expired(Expired { order }),
        Answer::ConfirmRefused => ReservationEvent::ConfirmRefused(ConfirmRefused { order }),
    }
}

/// The warning that little is left.
pub(crate) fn low(sku: Sku, shelf: &Shelf) -> StockEvent {
    StockEvent::Low(Low {
        sku,
        product: shelf.product,
        variant: shelf.variant,
        available: shelf.stock.level.available(),
        threshold: shelf.stock.low_threshold,
    })
}

fn reason(refusal: Refusal) -> Reason {
    match refusal {
        Refusal::UnknownSku { sku } => Reason::UnknownSku { sku },
        Refusal::OutOfStock { sku, requested, available } => {
            Reason::OutOfStock { sku, requested: quantity(requested), available }
        }
        Refusal::PriceChanged { sku, offered, current } => Reason::PriceChanged { sku, offered, current },
        Refusal::NotForSale { sku } => Reason::NotForSale { sku },
        Refusal::OrderCancelled => Reason::OrderCancelled,
    }
}

/// A reservation has between one and the most pieces of a line; see `Book`.
fn quantity(pieces: i64) -> Quantity {
    let clamped = pieces.clamp(1, Quantity::MOST);
    #[expect(clippy::expect_used, reason = "the value was clamped to the type's bounds in the line above")]
    Quantity::new(clamped).expect("a clamped quantity is within its bounds")
}
