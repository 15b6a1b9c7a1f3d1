//! Contract → command: what catalog says, in this service's words. Nothing is decided here.

use contracts::catalog::{ProductState, ProductStatus, Reason, ReservationEvent};
use kernel::ProductId;
use messaging::{Delivered, Snapshot};

use crate::{
    commands::{Answer, ApplyProducts, SettleOrders},
    domain::{Product, Refusal, Variant, Verdict},
    settled::Settled,
};

/// Catalog's answers become one command.
#[must_use]
pub fn settle_orders(events: Vec<Delivered<ReservationEvent>>, settled: &Settled) -> SettleOrders {
    SettleOrders { answers: events.into_iter().map(answer).collect(), settled: settled.clone() }
}

/// Catalog's products become one command.
#[must_use]
pub fn apply_products(snapshots: Vec<Snapshot<ProductState>>, rebuild: bool) -> ApplyProducts {
    ApplyProducts { products: snapshots.into_iter().map(product).collect(), rebuild }
}

fn answer(delivered: Delivered<ReservationEvent>) -> Answer {
    let (order, verdict) = match delivered.event {
        ReservationEvent::Reserved(reserved) => (reserved.order, Verdict::Reserved),
        ReservationEvent::Rejected(rejected) => {
            (rejected.order, Verdict::Refused(rejected.reasons.into_iter().map(refusal).collect()))
        }
        ReservationEvent::Expired(expired) => (expired.order, Verdict::ReservationLost),
        ReservationEvent::ConfirmRefused(refused) => (refused.order, Verdict::ReservationLost),
    };
    Answer { order, verdict, cause: delivered.provenance }
}

fn refusal(reason: Reason) -> Refusal {
    match reason {
        Reason::UnknownSku { sku } => Refusal::UnknownSku { sku },
        Reason::OutOfStock { sku, requested, available } => Refusal::OutOfStock { sku, requested, available },
        Reason::PriceChanged { sku, offered, current } => Refusal::PriceChanged { sku, offered, current },
        Reason::NotForSale { sku } => Refusal::NotForSale { sku },
        Reason::OrderCancelled => Refusal::OrderCancelled,
    }
}

fn product(snapshot: Snapshot<ProductState>) -> Product {
    let (id, version) = (ProductId::from_uuid(snapshot.key), snapshot.version);
    let Some(state) = snapshot.state else {
        return Product { id, version, title: String::new(), removed: true, variants: Vec::new() };
    };
    let sold = state.status == ProductStatus::Active;
    let variants = state.variants.into_iter().map(|variant| Variant {
        id: variant.variant,
        sku: variant.sku,
        title: variant.title,
        price: variant.price,
        for_sale: sold && variant.active,
    });
    Product { id, version, title: state.title, removed: false, variants: variants.collect() }
}
