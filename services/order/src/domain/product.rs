//! A product as this service knows it: what catalog published last, reduced to what placing an order needs.

use kernel::{Money, ProductId, Sku, VariantId};

/// One published state of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Which product.
    pub id: ProductId,
    /// Its version in catalog; a lower one never replaces a higher one.
    pub version: i64,
    /// What it is called; empty when it is removed.
    pub title: String,
    /// Catalog removed it: nothing of it is left but its version.
    pub removed: bool,
    /// Its variants; empty when it is removed.
    pub variants: Vec<Variant>,
}

/// One variant of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Which variant.
    pub id: VariantId,
    /// What shoppers order it by.
    pub sku: Sku,
    /// What it is called besides its product's title.
    pub title: String,
    /// Its unit price.
    pub price: Money,
    /// The product is active and so is the variant.
    pub for_sale: bool,
}

impl Product {
    /// Of several states of the same products, the newest of each, in the order of their ids: the order in which rows
    /// are locked, so that two batches cannot wait for each other.
    #[must_use]
    pub fn newest(mut states: Vec<Self>) -> Vec<Self> {
        states.sort_by(|one, other| one.id.uuid().cmp(&other.id.uuid()).then_with(|| other.version.cmp(&one.version)));
        states.dedup_by_key(|state| state.id);
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_states_the_newest_of_each_product_remains_in_order() {
        let (one, two) = (ProductId::new(), ProductId::new());
        let state = |id, version| Product { id, version, title: String::new(), removed: false, variants: vec![] };
        let newest = Product::newest(vec![state(two, 2), state(one, 1), state(two, 3), state(one, 4), state(two, 1)]);
        let mut expected = vec![(one, 4), (two, 3)];
        expected.sort_by_key(|(id, _)| id.uuid());
        assert_eq!(newest.iter().map(|state| (state.id, state.version)).collect::<Vec<_>>(), expected);
    }
}
