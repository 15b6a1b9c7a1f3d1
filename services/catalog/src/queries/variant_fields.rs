//! What can be asked of variants and their stock, by staff.

use std::sync::LazyLock;

use contracts::catalog::{Availability, ProductStatus};
use kernel::kinds;
use query::{Entity, Field, Kind, Registry};
use strum::VariantNames as _;

use super::product_fields::{NAMES, category_tree};

/// Variants with their products and their stock.
const VARIANTS: &str = "(select v.variant_id, v.product_id, v.sku, v.title, v.price_minor,
        coalesce(v.shop_price_minor, v.price_minor) as shop_price_minor, v.currency, v.active,
        v.barcode, v.option_values, v.weight_grams, v.compare_at_minor, v.cost_minor, v.external_references, p.brand,
        p.title as product_title, p.status, p.category_id, p.category_ids, p.tags, p.search_text,
        s.on_hand, s.reserved, s.held, s.safety_stock, s.on_hand - s.reserved - s.held - s.safety_stock as available,
        s.low_threshold, s.backorder_limit, s.updated_at
    from searchable_variants v
    join searchable_products p on p.product_id = v.product_id
    join searchable_stock s on s.variant_id = v.variant_id)";

/// Variants and their stock.
#[derive(Debug, Clone, Copy)]
pub struct Variants;

impl Entity for Variants {
    const NAME: &'static str = "Variant";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            Registry::new("variants", VARIANTS, "r.variant_id", "sku", fields())
                .searchable("r.search_text")
                .ranked_by(NAMES)
        });
        &REGISTRY
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field::id::<kinds::Variant>("id", "r.variant_id", "Its identity.").sorted().by_default(),
        Field::id::<kinds::Product>("product", "r.product_id", "The product that it is a variant of.").by_default(),
        Field::one("sku", Kind::Text, "r.sku", "The seller's name of it.").sorted().searched().by_default(),
        Field::one("title", Kind::Text, "r.title", "Its name for people.").searched().by_default(),
        Field::one("product_title", Kind::Text, "r.product_title", "Its product's name for people.").searched(),
        Field::one("status", Kind::choice(ProductStatus::VARIANTS), "r.status", "Whether its product is sold.")
            .counted()
            .by_default(),
        Field::one("active", Kind::Boolean, "r.active", "Whether it is sold while its product is.")
            .counted()
            .by_default(),
        Field::id::<kinds::Category>("category", "r.category_id", "Its product's category.").nullable().counted(),
        category_tree(),
        Field::array("tags", Kind::Text, "r.tags", "Words to find its product by.").counted(),
        Field::price("price", "r.price_minor", "r.currency", "The base price of one piece.")
            .sorted()
            .counted()
            .by_default(),
        Field::price("shop_price", "r.shop_price_minor", "r.currency", "What one piece costs in the shop now.")
            .sorted()
            .counted(),
        Field::one("currency", Kind::Text, "r.currency", "The currency of its price.").counted(),
        Field::price("compare_at", "r.compare_at_minor", "r.currency", "What one piece cost before, or elsewhere.")
            .nullable(),
        Field::price("cost", "r.cost_minor", "r.currency", "What one piece costs the seller.").nullable(),
        Field::one("barcode", Kind::Text, "r.barcode", "Its GTIN.").nullable().searched(),
        Field::one("brand", Kind::Text, "r.brand", "Who makes its product.").nullable().searched().counted(),
        Field::one("weight_grams", Kind::Integer, "r.weight_grams", "What one piece weighs, packed.").nullable(),
        Field::one("option_values", Kind::Object, "r.option_values", "Its value of each of the product's options."),
        Field::one("external_references", Kind::Object, "r.external_references", "What other systems call it."),
        Field::one("on_hand", Kind::Integer, "r.on_hand", "Pieces in the house.").sorted().by_default(),
        Field::one("reserved", Kind::Integer, "r.reserved", "Pieces that wait for their order's confirmation.")
            .by_default(),
        Field::one("held", Kind::Integer, "r.held", "Pieces of confirmed orders.").by_default(),
        Field::one("safety_stock", Kind::Integer, "r.safety_stock", "Pieces that are kept back."),
        Field::one("available", Kind::Integer, "r.available", "Pieces that are there and may be sold.")
            .sorted()
            .counted()
            .by_default(),
        Field::one(
            "availability",
            Kind::choice(Availability::VARIANTS),
            "availability(availability_rank(r.available, r.low_threshold, r.backorder_limit))",
            "What shoppers are told of it while it is sold.",
        )
        .counted(),
        Field::one(
            "low_threshold",
            Kind::Integer,
            "r.low_threshold",
            "A warning comes when this many or fewer are available.",
        )
        .by_default(),
        Field::one("stock_updated_at", Kind::Time, "r.updated_at", "When its stock last changed.").sorted(),
    ]
}
