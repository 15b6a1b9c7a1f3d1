//! What can be asked of orders, by staff.

use std::sync::LazyLock;

use contracts::order::Cause;
use kernel::kinds;
use query::{Entity, Field, IdForm, Kind, Registry};
use strum::VariantNames as _;

use crate::domain::{FulfilmentStatus, PaymentStatus, Source, Status};

/// The lines of an order.
const LINES: &str = "searchable_order_lines l where l.order_id = r.id";

/// Orders with what was said of whoever ordered.
const ORDERS: &str = "(select o.*, c.buyer_id, c.name, c.email, c.phone, c.search_text
    from searchable_orders o left join searchable_order_contacts c on c.order_id = o.id)";

/// Orders.
#[derive(Debug, Clone, Copy)]
pub struct Orders;

impl Entity for Orders {
    const NAME: &'static str = "Order";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            Registry::new("orders", ORDERS, "r.id", "-placed_at", fields())
                .searchable("r.search_text")
                .numbered_by("number")
        });
        &REGISTRY
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field::id::<kinds::Order>("id", "r.id", "Its identity.").sorted().by_default(),
        Field::one("number", Kind::Integer, "r.number", "Its number in the organisation.").nullable().by_default(),
        Field::one("status", Kind::choice(Status::VARIANTS), "r.status", "Where it stands.").counted().by_default(),
        Field::one(
            "payment_status",
            Kind::choice(PaymentStatus::VARIANTS),
            "r.payment_status",
            "Whether it is paid for.",
        )
        .counted()
        .by_default(),
        Field::one(
            "fulfilment_status",
            Kind::choice(FulfilmentStatus::VARIANTS),
            "r.fulfilment_status",
            "Whether the goods have left.",
        )
        .counted()
        .by_default(),
        Field::one("source", Kind::choice(Source::VARIANTS), "r.source", "How it came in.").counted(),
        Field::one("channel", Kind::Text, "r.channel", "Where it was sold.").counted(),
        Field::one("external_reference", Kind::Text, "r.external_reference", "Its name where it was sold elsewhere.")
            .nullable(),
        Field::one("raw_status", Kind::Text, "r.raw_status", "The channel's own word for where it stands.")
            .nullable()
            .counted(),
        Field::one("oversold", Kind::Boolean, "r.oversold", "Whether more was promised than could be had.").counted(),
        Field::price("paid", "r.paid_minor", "r.currency", "What was received for it.").sorted(),
        Field::price("refunded", "r.refunded_minor", "r.currency", "What was given back of it.").sorted(),
        Field::price("total", "r.total_minor", "r.currency", "What it came to.").sorted().counted().by_default(),
        Field::one("reference", Kind::Text, "r.shopper_reference", "The shopper's reference.").nullable().by_default(),
        Field::one("cancel_cause", Kind::choice(Cause::VARIANTS), "r.cancel_cause", "Who or what cancelled it.")
            .nullable()
            .counted()
            .by_default(),
        Field::id::<kinds::Customer>("customer", "r.customer_id", "The customer whose it is.").nullable(),
        Field::id::<kinds::Buyer>("buyer", "r.buyer_id", "Whoever ordered, as one record for all their orders.")
            .nullable(),
        Field::one("name", Kind::Text, "r.name", "The name of whoever ordered.").nullable().searched(),
        Field::one("email", Kind::Text, "r.email", "The e-mail address of whoever ordered.").nullable().searched(),
        Field::one("phone", Kind::Text, "r.phone", "The phone number of whoever ordered.").nullable().searched(),
        Field::related("sku", Kind::Text, LINES, "l.sku", "The SKUs of its lines."),
        Field::related(
            "product",
            Kind::Id(IdForm::of::<kinds::Product>()),
            LINES,
            "l.product_id",
            "The products of its lines.",
        ),
        Field::one("version", Kind::Integer, "r.version", "Rises by one with every transition.").by_default(),
        // Ids begin with the time of placing.
        Field::one("placed_at", Kind::Time, "r.placed_at", "When it was placed.")
            .sorted_as("r.id", Kind::Id(IdForm::of::<kinds::Order>()))
            .counted()
            .by_default(),
        Field::one("settled_at", Kind::Time, "r.settled_at", "When it first stopped being pending.").nullable(),
        Field::one("updated_at", Kind::Time, "r.updated_at", "When it last changed.").by_default(),
    ]
}
