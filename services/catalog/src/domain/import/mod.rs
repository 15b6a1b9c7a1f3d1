//! What an import file says about products, and what became of each of its rows.
//! The rule: a row changes a product as a change of that product alone would; importing a file twice changes nothing the second time.

mod merge;
mod names;
mod placing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::Listing;
use kernel::{ChannelCode, ImportId, Money, ProductId, Sku, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use merge::{Holders, Merge, Merged, NewLevel, Owner, Standing, merge};
pub use names::Names;
pub use placing::{CategoryReference, KnownCategories, Placing};

use super::attribute::{AttributeCode, AttributeValue};
use super::barcode::Barcode;
use super::entries::Entries;
use super::locale::{Locale, TranslationChange};
use super::measure::{Grams, Millimetres};
use super::media::Medium;
use super::options::{OptionValues, ProductOption};
use super::product::{DetailsChange, Product, SettableStatus, VariantChange, VariantDetailsChange};
use super::reference::{Reference, SystemName};
use super::wording::{Brand, Description, ShortDescription, Tag, Title};

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The import.
    pub import: ImportId,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose product is new.
    pub created: u64,
    /// Rows that changed a product or its stock.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that were refused.
    pub failed: u64,
    /// Why it ended before the file did.
    pub ended_early: Option<String>,
}

/// One product of the file: an NDJSON row, or neighbouring CSV rows with the same slug. A call that writes many products has the
/// same rows. As in a change of one product, a field that is left out stays as it is, null clears it, and a list replaces the former
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "struct ProductRow")]
#[schemars(rename = "ProductRow")]
pub struct ImportedProduct {
    /// The line on which it begins, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Finds the stored product.
    pub slug: Slug,
    /// Its name for people; required for a new product.
    pub title: Option<Title>,
    /// The primary category, in place of the former one; null takes the product out of all its categories.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<CategoryReference>")]
    pub category: Option<Option<CategoryReference>>,
    /// All its categories, the primary one first, unless `category` names it; at most 20.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Vec<CategoryReference>>", extend("maxItems" = 20))]
    pub categories: Option<Option<Vec<CategoryReference>>>,
    /// Who makes it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Brand>")]
    pub brand: Option<Option<Brand>>,
    /// A sentence or two about it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<ShortDescription>")]
    pub short_description: Option<Option<ShortDescription>>,
    /// Its description.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Description>")]
    pub description: Option<Option<Description>>,
    /// Words to find it by, all of them; at most 50.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<BTreeSet<Tag>>", extend("maxItems" = 50))]
    pub tags: Option<Option<BTreeSet<Tag>>>,
    /// Values of the organisation's attributes, by the attribute's code; a value that is null goes, the others stay.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<AttributeCode, Option<AttributeValue>>>", extend("maxProperties" = 100))]
    pub attributes: Entries<AttributeCode, AttributeValue>,
    /// Links to its pictures and other media, all of them; at most 50.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Vec<Medium>>", extend("maxItems" = 50))]
    pub media: Option<Option<Vec<Medium>>>,
    /// What its variants differ in, all of it; at most 3. Values of an option that goes go with it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Vec<ProductOption>>", extend("maxItems" = 3))]
    pub options: Option<Option<Vec<ProductOption>>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    pub external_references: Entries<SystemName, Reference>,
    /// Its texts in other languages than its own, by locale, text by text; a language or a text that is null goes, the others
    /// stay.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<Locale, Option<TranslationChange>>>", extend("maxProperties" = 20))]
    pub translations: Entries<Locale, TranslationChange>,
    /// The sales channels that it is sold in, all of them, at most 50; null lets it be sold in every one, an empty list in none.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Listing")]
    pub channels: Option<Option<BTreeSet<ChannelCode>>>,
    /// Its status; a new product is active when the row does not say.
    pub status: Option<SettableStatus>,
    /// Variants to change or to add; the others stay as they are.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub variants: Vec<ImportedVariant>,
    /// Whether one wrong variant refuses the whole product (NDJSON, where it is one row).
    #[serde(skip)]
    pub whole: bool,
}

/// One variant of the file. Fields that are left out stay as they are, and null clears one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "struct VariantRow")]
#[schemars(rename = "VariantRow")]
pub struct ImportedVariant {
    /// The line on which it stands, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Stands before the names of its columns in a report: `""` in CSV, `"variants[0]."` in NDJSON.
    #[serde(skip)]
    pub prefix: String,
    /// Finds the stored variant.
    pub sku: Sku,
    /// Its name for people; the product's title when a new variant has none.
    pub title: Option<Title>,
    /// The price of one piece; required for a new variant.
    pub price: Option<Money>,
    /// Whether it is sold while its product is; a new variant is when the row does not say.
    pub active: Option<bool>,
    /// What one piece cost before, or elsewhere, in the currency of the price.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Money>")]
    pub compare_at: Option<Option<Money>>,
    /// What one piece costs the seller, in the currency of the price; shoppers never see it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Money>")]
    pub cost: Option<Option<Money>>,
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Barcode>")]
    pub barcode: Option<Option<Barcode>>,
    /// Its value of each of the product's options, all of them.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<OptionValues>", extend("maxProperties" = 3))]
    pub option_values: Option<Option<OptionValues>>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Grams>")]
    pub weight_grams: Option<Option<Grams>>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Millimetres>")]
    pub length_mm: Option<Option<Millimetres>>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Millimetres>")]
    pub width_mm: Option<Option<Millimetres>>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Millimetres>")]
    pub height_mm: Option<Option<Millimetres>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    pub external_references: Entries<SystemName, Reference>,
    /// Pieces on hand from now on. When the row does not say, they stay, and a new variant begins with 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub stock: Option<i64>,
    /// A warning comes when this many or fewer are available; a new variant begins with 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub low_threshold: Option<i64>,
}

impl ImportedProduct {
    /// A row that says nothing but which product it means.
    #[must_use]
    pub fn of(slug: Slug) -> Self {
        Self {
            line: 0,
            slug,
            title: None,
            category: None,
            categories: None,
            brand: None,
            short_description: None,
            description: None,
            tags: None,
            attributes: Entries::Stay,
            media: None,
            options: None,
            external_references: Entries::Stay,
            translations: Entries::Stay,
            channels: None,
            status: None,
            variants: Vec::new(),
            whole: false,
        }
    }

    /// What it says of the product's details, all of whose categories are these, if it names all.
    fn details(&self, placing: &Placing) -> DetailsChange {
        DetailsChange {
            brand: self.brand.clone(),
            short_description: self.short_description.clone().map(Option::unwrap_or_default),
            categories: placing.categories.clone(),
            tags: self.tags.clone().map(Option::unwrap_or_default),
            attributes: self.attributes.clone(),
            media: self.media.clone().map(Option::unwrap_or_default),
            options: self.options.clone().map(Option::unwrap_or_default),
            external_references: self.external_references.clone(),
            translations: self.translations.clone(),
            channels: self.channels.clone().map(Listing::from),
        }
    }

    /// The lines that it stands on.
    #[must_use]
    pub fn lines(&self) -> BTreeSet<u64> {
        self.variants.iter().map(|variant| variant.line).chain([self.line]).collect()
    }
}

impl ImportedVariant {
    /// A row that says nothing but which variant it means.
    #[must_use]
    pub fn of(sku: Sku) -> Self {
        Self {
            line: 0,
            prefix: String::new(),
            sku,
            title: None,
            price: None,
            active: None,
            compare_at: None,
            cost: None,
            barcode: None,
            option_values: None,
            weight_grams: None,
            length_mm: None,
            width_mm: None,
            height_mm: None,
            external_references: Entries::Stay,
            stock: None,
            low_threshold: None,
        }
    }

    /// What it says of the variant, whose title is `or_titled` where it says none.
    fn change(&self, or_titled: Option<&Title>) -> VariantChange {
        VariantChange {
            sku: self.sku.clone(),
            title: self.title.as_ref().or(or_titled).cloned(),
            price: self.price,
            active: self.active,
            details: self.details(),
        }
    }

    fn details(&self) -> VariantDetailsChange {
        VariantDetailsChange {
            barcode: self.barcode.clone(),
            option_values: self.option_values.clone().map(Option::unwrap_or_default),
            compare_at: self.compare_at,
            cost: self.cost,
            weight_grams: self.weight_grams,
            length_mm: self.length_mm,
            width_mm: self.width_mm,
            height_mm: self.height_mm,
            external_references: self.external_references.clone(),
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowResult {
    /// Its product is new.
    Created,
    /// It changed its product or its stock.
    Updated,
    /// It changed nothing.
    Unchanged,
    /// It was refused; see its errors.
    Failed,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowFault {
    /// The column by its name in the header, or the field by its path in the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why it was refused.
    pub reason: String,
}

impl RowFault {
    /// A fault in a column.
    pub fn new(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { column: Some(column.into()), reason: reason.into() }
    }

    /// The fault of a product with more variants than one may have.
    pub fn too_many_variants() -> Self {
        let limit = Product::MOST_VARIANTS;
        Self { column: None, reason: format!("its product has more than {limit} variants, so all of it is refused") }
    }
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowOutcome {
    /// The line of the file, or the place in the call, from 1.
    pub line: u64,
    /// What became of it.
    pub result: RowResult,
    /// Its slug, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// Its product, when it has one now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowFault>,
}

/// What became of the products of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpsertedProducts {
    /// Each product's, in the order of the call.
    rows: Vec<RowOutcome>,
    /// Products that are new.
    created: usize,
    /// Products that changed, or their stock.
    updated: usize,
    /// Products that were so already.
    unchanged: usize,
    /// Products that were refused.
    failed: usize,
}

impl UpsertedProducts {
    /// Counts the outcomes of rows, which come in any order.
    #[must_use]
    pub fn of(mut rows: Vec<RowOutcome>) -> Self {
        rows.sort_by_key(|row| row.line);
        let count = |result: RowResult| rows.iter().filter(|row| row.result == result).count();
        let (created, updated) = (count(RowResult::Created), count(RowResult::Updated));
        let (unchanged, failed) = (count(RowResult::Unchanged), count(RowResult::Failed));
        Self { rows, created, updated, unchanged, failed }
    }

    /// The rows that were refused.
    pub fn refused(&self) -> impl Iterator<Item = &RowOutcome> {
        self.rows.iter().filter(|row| row.result == RowResult::Failed)
    }

    /// The products that were written.
    pub fn written(&self) -> impl Iterator<Item = ProductId> {
        let written = |row: &&RowOutcome| matches!(row.result, RowResult::Created | RowResult::Updated);
        self.rows.iter().filter(written).filter_map(|row| row.product)
    }
}

impl RowOutcome {
    /// A row that was refused.
    #[must_use]
    pub fn failed(line: u64, slug: Option<Slug>, errors: Vec<RowFault>) -> Self {
        Self { line, result: RowResult::Failed, slug, product: None, errors }
    }
}
