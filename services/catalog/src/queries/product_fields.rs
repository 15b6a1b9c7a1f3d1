//! What can be asked of products, by staff and in the shop.
//! The rule: the shop's fields are some of the staff's, and its products are those that are on sale.

use std::sync::LazyLock;

use contracts::catalog::{Availability, ProductStatus};
use kernel::kinds;
use query::{Entity, Field, IdForm, Kind, Registry};
use strum::VariantNames as _;

use crate::domain::attribute::{AttributeDefinition, AttributeType};

/// What the names of the attributes' fields begin with.
pub(super) const ATTRIBUTES: &str = "attributes.";
/// The view that shows the organisation's products.
const PRODUCTS: &str = "searchable_products";
/// The part of a product's search text that says what it is called. What only describes it is in the next line.
pub(super) const NAMES: &str = "split_part(r.search_text, chr(10), 1)";
/// The variants of a product.
const VARIANTS: &str = "searchable_variants v where v.product_id = r.product_id";
/// The variants of a product that the shop shows.
const SOLD_VARIANTS: &str = "searchable_variants v where v.product_id = r.product_id and v.active";
/// What shoppers are told of a product: the best of its variants that are sold.
const AVAILABILITY: &str =
    "(select availability(min(availability_rank(s.on_hand - s.reserved - s.held - s.safety_stock,
        s.low_threshold, s.backorder_limit)))
    from searchable_variants v join searchable_stock s on s.variant_id = v.variant_id
    where v.product_id = r.product_id and v.active)";
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
    const OWN_FIELDS: Option<&'static str> = Some(ATTRIBUTES);

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            let mut fields = shared(VARIANTS);
            fields.extend([
                Field::one("description", Kind::Text, "r.description", "Its description."),
                Field::one("status", Kind::choice(ProductStatus::VARIANTS), "r.status", "Whether it is sold.")
                    .counted()
                    .by_default(),
                Field::array(
                    "channels",
                    Kind::Text,
                    "r.channels",
                    "The sales channels that it is sold in; `*` where it is sold in every one.",
                )
                .counted(),
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
                    "(s.on_hand - s.reserved - s.held - s.safety_stock)",
                    "How many pieces of its variants can be sold, each variant a value.",
                ),
            ]);
            Registry::new("products", PRODUCTS, "r.product_id", "title", fields)
                .searchable("r.search_text")
                .ranked_by(NAMES)
        });
        &REGISTRY
    }
}

impl Entity for ShopProducts {
    const NAME: &'static str = "ShopProduct";
    const OWN_FIELDS: Option<&'static str> = Some(ATTRIBUTES);

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            Registry::new("shop products", PRODUCTS, "r.product_id", "title", shared(SOLD_VARIANTS))
                .searchable("r.search_text")
                .ranked_by(NAMES)
                .only("r.status = 'active' and r.for_sale")
                .for_everybody()
        });
        &REGISTRY
    }
}

/// What everybody may ask, with the variants that one may ask about.
fn shared(variants: &'static str) -> Vec<Field> {
    vec![
        Field::id::<kinds::Product>("id", "r.product_id", "Its identity.").sorted().by_default(),
        Field::one("slug", Kind::Text, "r.slug", "Its name in addresses.").by_default(),
        Field::one("title", Kind::Text, "r.title", "Its name for people.").sorted().searched().by_default(),
        Field::id::<kinds::Category>("category", "r.category_id", "Its category.").nullable().counted().by_default(),
        Field::array("categories", Kind::Id(IdForm::of::<kinds::Category>()), "r.category_ids", "All its categories."),
        category_tree(),
        Field::one("brand", Kind::Text, "r.brand", "Who makes it.").nullable().searched().counted(),
        Field::one("short_description", Kind::Text, "r.short_description", "A sentence or two about it."),
        Field::array("tags", Kind::Text, "r.tags", "Words to find it by.").counted(),
        Field::one(
            "attributes",
            Kind::Object,
            "r.attributes",
            "The values of its attributes, by their codes; each can be asked for as `attributes.<code>`.",
        ),
        Field::one("media", Kind::Object, "r.media", "Links to its pictures and other media."),
        Field::one("options", Kind::Object, "r.options", "What its variants differ in."),
        Field::one("translations", Kind::Object, "r.translations", "Its texts in other languages, by locale."),
        Field::price("price_from", "r.price_from_minor", "r.currency", "The lowest price of a variant that is sold.")
            .sorted()
            .counted()
            .by_default(),
        Field::one("currency", Kind::Text, "r.currency", "The currency of its prices.").counted(),
        Field::one(
            "availability",
            Kind::choice(Availability::VARIANTS),
            AVAILABILITY,
            "Whether it can be had: the best of its variants that are sold.",
        )
        .counted(),
        Field::related("sku", Kind::Text, variants, "v.sku", "The SKUs of its variants."),
        Field::related("barcode", Kind::Text, variants, "v.barcode", "The barcodes of its variants."),
        Field::one("version", Kind::Integer, "r.version", "Rises with every change.").by_default(),
    ]
}

/// The categories of a row and those above them.
pub(super) fn category_tree() -> Field {
    Field::membership::<kinds::Category>(
        "category_tree",
        "r.category_ids && array(select c.category_id from searchable_categories c where c.path && {})",
        "(select coalesce(array_agg(distinct a.id), '{}') from searchable_categories c, unnest(c.path) as a(id)
          where c.category_id = any(r.category_ids))",
        "Its categories in use and those above them: to find the products of a category and of all below it.",
    )
    .counted_as(
        "r.category_ids",
        "(select distinct unnest(c.path) from searchable_categories c where c.category_id = any(g.value)) as x(value)",
    )
}

/// The organisation's attributes as fields of its products.
pub(super) fn attributes(definitions: Vec<AttributeDefinition>) -> Vec<Field> {
    let field = |definition: AttributeDefinition| {
        let (code, label) = (definition.code.to_string(), definition.labels.values().next().map(ToString::to_string));
        let kind = match definition.r#type {
            AttributeType::Text => Kind::Text,
            AttributeType::Number => Kind::Number,
            AttributeType::Boolean => Kind::Boolean,
            AttributeType::Date => Kind::Date,
            AttributeType::Choice | AttributeType::Choices => {
                Kind::Choice(definition.choices.iter().map(|choice| choice.to_string().into()).collect())
            }
        };
        let many = definition.r#type == AttributeType::Choices;
        let unit = definition.unit.map(|unit| format!(", in {unit}")).unwrap_or_default();
        let about = format!("{}{unit}.", label.unwrap_or_else(|| code.clone()));
        Field::member(format!("{ATTRIBUTES}{code}"), kind, "r.attributes", code, many, about)
    };
    definitions.into_iter().map(field).collect()
}
