//! One sellable variant of a product: what it is, how it changes, and what a product's variants must be together.
//! The rule: different SKUs, barcodes and option values, and all amounts in one currency.

use std::collections::HashSet;

use kernel::{ChannelCode, Currency, Money, Sku, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Amount, ProductFault};
use super::{Product, ProductOption};
use crate::domain::barcode::Barcode;
use crate::domain::entries::Entries;
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::options::{self, OptionValues};
use crate::domain::price::{self, PriceWindow};
use crate::domain::reference::{MOST_REFERENCES, Reference, References, SystemName};
use crate::domain::wording::Title;

/// One sellable variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// Its identity.
    pub id: VariantId,
    /// The seller's name of it, unique in the organisation; it never changes.
    pub sku: Sku,
    /// Its name for people, shown with its product's title.
    pub title: Title,
    /// The base price of one piece: what it costs wherever and whenever no other price is valid.
    pub price: Money,
    /// Whether it is sold while its product is.
    pub active: bool,
    /// Its prices for a while that are planned or have begun and have not ended.
    #[serde(skip)]
    pub windows: Vec<PriceWindow>,
    /// The base price that a change has just replaced, for the history.
    #[serde(skip)]
    pub replaced: Option<Money>,
    /// What else is known of it.
    #[serde(flatten)]
    pub details: VariantDetails,
}

impl Variant {
    /// What it costs in a channel, or, without one, in the channels that have no prices of their own. The time is not in the
    /// past of its product's last change.
    #[must_use]
    pub fn price_in(&self, channel: Option<&ChannelCode>, at: Timestamp) -> Money {
        price::price(self.price, &[], &self.windows, channel, at).amount
    }
}

/// What is known of a variant beside its name and its price. All of it may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VariantDetails {
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    pub barcode: Option<Barcode>,
    /// Its value of each of the product's options.
    pub option_values: OptionValues,
    /// What one piece cost before, or elsewhere.
    pub compare_at: Option<Money>,
    /// What one piece costs the seller; shoppers never see it.
    pub cost: Option<Money>,
    /// What one piece weighs, packed.
    pub weight_grams: Option<Grams>,
    /// How long one piece is, packed.
    pub length_mm: Option<Millimetres>,
    /// How wide one piece is, packed.
    pub width_mm: Option<Millimetres>,
    /// How high one piece is, packed.
    pub height_mm: Option<Millimetres>,
    /// What other systems call it, by the system.
    pub external_references: References,
}

/// A change of a variant's details. What is `None` stays; `Some(None)` is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantDetailsChange {
    /// Its barcode.
    pub barcode: Option<Option<Barcode>>,
    /// Its values of all options.
    pub option_values: Option<OptionValues>,
    /// What one piece cost before, or elsewhere.
    pub compare_at: Option<Option<Money>>,
    /// What one piece costs the seller.
    pub cost: Option<Option<Money>>,
    /// What one piece weighs.
    pub weight_grams: Option<Option<Grams>>,
    /// How long one piece is.
    pub length_mm: Option<Option<Millimetres>>,
    /// How wide one piece is.
    pub width_mm: Option<Option<Millimetres>>,
    /// How high one piece is.
    pub height_mm: Option<Option<Millimetres>>,
    /// What other systems call it.
    pub external_references: Entries<SystemName, Reference>,
}

impl VariantDetailsChange {
    pub(super) fn apply(self, details: &mut VariantDetails) {
        replace(&mut details.barcode, self.barcode);
        replace(&mut details.option_values, self.option_values);
        replace(&mut details.compare_at, self.compare_at);
        replace(&mut details.cost, self.cost);
        replace(&mut details.weight_grams, self.weight_grams);
        replace(&mut details.length_mm, self.length_mm);
        replace(&mut details.width_mm, self.width_mm);
        replace(&mut details.height_mm, self.height_mm);
        self.external_references.apply(&mut details.external_references, |reference, _| reference);
    }
}

impl From<VariantDetailsChange> for VariantDetails {
    /// What a variant begins with.
    fn from(change: VariantDetailsChange) -> Self {
        let mut details = Self::default();
        change.apply(&mut details);
        details
    }
}

/// Replaces a value if there is a new one.
pub(super) fn replace<T>(value: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *value = new;
    }
}

/// Checks what the variants of a product must be together.
pub(super) fn check(variants: &[Variant], options: &[ProductOption], faults: &mut Vec<ProductFault>) {
    if !(1..=Product::MOST_VARIANTS).contains(&variants.len()) {
        faults.push(ProductFault::VariantCount { count: variants.len() });
    }
    let (mut skus, mut barcodes, mut combinations) = (HashSet::new(), HashSet::new(), HashSet::new());
    let currency = variants.first().map(|first| first.price.currency());
    for variant in variants {
        let (sku, details) = (&variant.sku, &variant.details);
        if !skus.insert(sku.as_str()) {
            faults.push(ProductFault::RepeatedSku { sku: sku.clone() });
        }
        if let Some(barcode) = &details.barcode
            && !barcodes.insert(barcode)
        {
            faults.push(ProductFault::RepeatedBarcode { sku: sku.clone(), barcode: barcode.clone() });
        }
        match options::check_values(options, &details.option_values) {
            Err(reason) => faults.push(ProductFault::OptionValues { sku: sku.clone(), reason }),
            Ok(()) if options.is_empty() => {}
            Ok(()) => {
                let combination: Vec<&str> = details.option_values.values().map(|value| value.as_str()).collect();
                if !combinations.insert(combination) {
                    let reason = "another variant has the same option values".to_owned();
                    faults.push(ProductFault::OptionValues { sku: sku.clone(), reason });
                }
            }
        }
        if details.external_references.len() > MOST_REFERENCES {
            faults.push(ProductFault::VariantReferences { sku: sku.clone() });
        }
        check_currencies(variant, currency, faults);
    }
}

fn check_currencies(variant: &Variant, currency: Option<Currency>, faults: &mut Vec<ProductFault>) {
    let Some(currency) = currency else { return };
    // The planned and current prices all are in the currency that the base price had.
    let planned = variant.windows.first().map(|window| window.amount);
    let amounts = [Some(variant.price), variant.details.compare_at, variant.details.cost, planned];
    let names = [Amount::Price, Amount::CompareAt, Amount::Cost, Amount::Planned];
    for ((at, what), amount) in names.into_iter().enumerate().zip(amounts) {
        let expected = if at == 0 { currency } else { variant.price.currency() };
        if let Some(found) = amount.map(Money::currency).filter(|found| *found != expected) {
            faults.push(ProductFault::MixedCurrencies {
                sku: variant.sku.clone(),
                what,
                found: found.code().to_owned(),
                expected: expected.code().to_owned(),
            });
        }
    }
}

/// The variants whose barcode another variant of the same product has after a change. The store frees them first, since a
/// barcode may not stand twice even for a moment.
#[must_use]
pub fn handed_on(before: &[Variant], after: &[Variant]) -> Vec<VariantId> {
    let holder = |barcode: &Barcode| after.iter().find(|variant| variant.details.barcode.as_ref() == Some(barcode));
    let moves = |variant: &&Variant| {
        let barcode = variant.details.barcode.as_ref();
        barcode.and_then(holder).is_some_and(|holder| holder.id != variant.id)
    };
    before.iter().filter(moves).map(|variant| variant.id).collect()
}
