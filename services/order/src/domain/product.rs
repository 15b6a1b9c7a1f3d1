//! A product as this service knows it: what catalog published last, reduced to what placing an order needs.
//! The rule: a lower version never replaces a higher one.

use kernel::{Money, OrganisationId, ProductId, Sku, VariantId};

/// One published state of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The product's identity.
    pub id: ProductId,
    /// Its version in catalog.
    pub version: i64,
    /// The product's title; empty when it is removed.
    pub title: String,
    /// Catalog removed it: nothing of it is left but its version.
    pub removed: bool,
    /// Its variants; empty when it is removed.
    pub variants: Vec<Variant>,
}

/// One variant of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The variant's identity.
    pub id: VariantId,
    /// What shoppers order it by.
    pub sku: Sku,
    /// The variant's own title, shown after the product's; may be empty.
    pub title: String,
    /// The price of one.
    pub price: Money,
    /// Whether it can be ordered: the product is active and so is the variant.
    pub for_sale: bool,
}

/// One SKU as it is sold now: a variant together with its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What shoppers order it by.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The version of the product that title and price are of.
    pub product_version: i64,
    /// The product's title.
    pub title: String,
    /// The variant's own title; may be empty.
    pub variant_title: String,
    /// The price of one.
    pub price: Money,
    /// Whether it can be ordered.
    pub for_sale: bool,
}

impl Product {
    /// The newest of several states of each product, in the order of the ids: rows are locked in that order, so two
    /// batches cannot wait for each other.
    #[must_use]
    pub fn newest(mut states: Vec<Self>) -> Vec<Self> {
        let key = |state: &Self| (state.organisation.uuid(), state.id.uuid());
        states.sort_by(|one, other| key(one).cmp(&key(other)).then_with(|| other.version.cmp(&one.version)));
        states.dedup_by_key(|state| key(state));
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_state_of_each_product_remains_in_the_order_of_the_ids() {
        let (one, two) = (ProductId::new(), ProductId::new());
        let organisation = OrganisationId::new();
        let state =
            |id, version| Product { organisation, id, version, title: String::new(), removed: false, variants: vec![] };
        let newest = Product::newest(vec![state(two, 2), state(one, 1), state(two, 3), state(one, 4), state(two, 1)]);
        let mut expected = vec![(one, 4), (two, 3)];
        expected.sort_by_key(|(id, _)| id.uuid());
        assert_eq!(newest.iter().map(|state| (state.id, state.version)).collect::<Vec<_>>(), expected);
    }
}
