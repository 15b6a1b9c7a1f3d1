//! What can be asked of products, by staff and in the shop.
//! The rule: the shop's fields are some of the staff's, and its products are those that are on sale.

use std::sync::LazyLock;

use contracts::catalog::ProductStatus;
use kernel::kinds;
use query::{Entity, Field, IdForm, Kind, Registry};
use strum::VariantNames as _;

/// The view that shows the organisation's products.
const PRODUCTS: &str = "searchable_products";
/// The variants of a product.
const VARIANTS: &str = "searchable_variants v where v.product_id = r.product_id";
/// The stock of a product.
const STOCK: &str =
    "searchable_stock s join searchable_variants v on v.variant_id = s.variant_id where v.product_id = r.product_id";

/// Products, for staff.
#[derive(Debug, Clone, Copy)]
pub struct Products;

/// Products that are on sale, for everybody.
#[derive(Debug, Clone, Copy)]
pub struct ShopProducts;

impl Entity for Products {
    const NAME: &'static str = "Product";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            let mut fields = shared();
            fields.extend([
                Field::one("status", Kind::choice(ProductStatus::VARIANTS), "r.status", "Whether it is sold.")
                    .counted()
                    .by_default(),
                Field::one("variant_count", Kind::Integer, "r.variant_count::bigint", "How many variants it has.")
                    .by_default(),
                Field::one("created_at", Kind::Time, "r.created_at", "When it was created.")
                    .sorted_as("r.product_id", Kind::Id(IdForm::of::<kinds::Product>()))
                    .by_default(),
                Field::one("updated_at", Kind::Time, "r.updated_at", "When it last changed.").sorted().by_default(),
                Field::related(
                    "available",
                    Kind::Integer,
                    STOCK,
                    "(s.on_hand - s.reserved - s.held)",
                    "How many pieces of its variants can be sold, each variant a value.",
                ),
            ]);
            Registry::new("products", PRODUCTS, "r.product_id", "title", fields).searchable("r.search_text")
        });
        &REGISTRY
    }
}

impl Entity for ShopProducts {
    const NAME: &'static str = "ShopProduct";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            Registry::new("shop products", PRODUCTS, "r.product_id", "title", shared())
                .searchable("r.search_text")
                .only("r.status = 'active'")
        });
        &REGISTRY
    }
}

/// What everybody may ask.
fn shared() -> Vec<Field> {
    vec![
        Field::id::<kinds::Product>("id", "r.product_id", "Its identity.").sorted().by_default(),
        Field::one("slug", Kind::Text, "r.slug", "Its name in addresses.").by_default(),
        Field::one("title", Kind::Text, "r.title", "Its name for people.").sorted().searched().by_default(),
        Field::one("description", Kind::Text, "r.description", "Its description."),
        Field::id::<kinds::Category>("category", "r.category_id", "Its category.").nullable().counted().by_default(),
        Field::membership::<kinds::Category>(
            "category_tree",
            "r.category_id = any(array(select c.category_id from searchable_categories c where c.path && {}))",
            "(select coalesce((select c.path from searchable_categories c where c.category_id = r.category_id), '{}'))",
            "Its category and those above it: to find the products of a category and of all below it.",
        )
        .counted_as(
            "r.category_id",
            "(select unnest(c.path) from searchable_categories c where c.category_id = g.value) as x(value)",
        ),
        Field::price("price_from", "r.price_from_minor", "r.currency", "The lowest price of a variant that is sold.")
            .sorted()
            .counted()
            .by_default(),
        Field::one("currency", Kind::Text, "r.currency", "The currency of its prices.").counted(),
        Field::related("sku", Kind::Text, VARIANTS, "v.sku", "The SKUs of its variants."),
        Field::one("version", Kind::Integer, "r.version", "Rises with every change.").by_default(),
    ]
}
