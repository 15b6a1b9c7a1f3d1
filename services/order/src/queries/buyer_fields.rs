//! What can be asked of the people who ordered, by staff.

use std::sync::LazyLock;

use kernel::kinds;
use query::{Entity, Field, Kind, Registry};

/// The people who ordered.
#[derive(Debug, Clone, Copy)]
pub struct Buyers;

impl Entity for Buyers {
    const NAME: &'static str = "CustomerItem";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            Registry::new("customers", "searchable_buyers", "r.id", "-last_order_at", fields())
                .searchable("r.search_text")
        });
        &REGISTRY
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field::id::<kinds::Buyer>("id", "r.id", "Its identity.").sorted().by_default(),
        Field::one("name", Kind::Text, "r.name", "The person's name, as it was said last.")
            .nullable()
            .searched()
            .by_default(),
        Field::one("email", Kind::Text, "r.email", "The person's e-mail address.").nullable().searched().by_default(),
        Field::one("phone", Kind::Text, "r.phone", "The person's phone number.").nullable().searched().by_default(),
        Field::id::<kinds::Customer>("customer", "r.customer_id", "The account in the shop.").nullable().by_default(),
        Field::one("orders", Kind::Integer, "r.orders", "How many orders they placed.").by_default(),
        Field::one("first_order_at", Kind::Time, "r.first_order_at", "When they first ordered.").by_default(),
        Field::one("last_order_at", Kind::Time, "r.last_order_at", "When they last ordered.").sorted().by_default(),
        Field::one("erased_at", Kind::Time, "r.erased_at", "When they were forgotten.").nullable(),
    ]
}
