//! What clients send of variants: bodies become parts of commands. The rule: every text passes its domain type, so that a
//! refusal names all faults at once.

use std::collections::BTreeMap;

use kernel::{Malformed, Sku};
use rest::{PriceBody, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product_bodies::given;
use crate::domain::barcode::Barcode;
use crate::domain::entries::Entries;
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::options::OptionValues;
use crate::domain::product::{NewVariant, VariantChange, VariantDetails, VariantDetailsChange};
use crate::domain::reference::{Reference, SystemName};
use crate::domain::wording::Title;

/// A variant to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantBody {
    /// 1 to 64 visible ASCII characters, unique in the organisation; a SKU never changes. Since it stands in addresses, it
    /// is not the id of a variant and has no part of dots only between slashes or backslashes.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// 1 to 200 characters; the product's title when left out.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    title: Option<String>,
    /// The price of one piece.
    #[garde(dive)]
    price: PriceBody,
    /// Whether it is sold while its product is; it is when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    active: Option<bool>,
    /// Pieces on hand; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    stock: Option<i64>,
    /// A warning comes when this many or fewer are available; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Barcode::parse))))]
    #[schemars(with = "Option<Barcode>")]
    barcode: Option<String>,
    /// Its value of each of the product's options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 3))]
    option_values: Option<OptionValues>,
    /// What one piece cost before, or elsewhere, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    compare_at: Option<PriceBody>,
    /// What one piece costs the seller, in the currency of the price; shoppers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    cost: Option<PriceBody>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 100_000_000))]
    weight_grams: Option<i64>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    length_mm: Option<i64>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    width_mm: Option<i64>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    height_mm: Option<i64>,
    /// What other systems call it, by the system; at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    external_references: Option<BTreeMap<SystemName, Reference>>,
}

/// A change of a variant. A SKU that is new to the product adds a variant. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantChangeBody {
    /// The variant's SKU.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// Its new title; required for a new variant.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    title: Option<String>,
    /// Its new price; required for a new variant.
    #[garde(dive)]
    price: Option<PriceBody>,
    /// Whether it is sold from now on.
    #[garde(skip)]
    active: Option<bool>,
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(Barcode::parse)))))]
    #[schemars(with = "Option<Barcode>")]
    barcode: Option<Option<String>>,
    /// Its value of each of the product's options, all of them.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(skip)]
    #[schemars(with = "Option<OptionValues>", extend("maxProperties" = 3))]
    option_values: Option<Option<OptionValues>>,
    /// What one piece cost before, or elsewhere, in the currency of the price.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(dive)]
    #[schemars(with = "Option<PriceBody>")]
    compare_at: Option<Option<PriceBody>>,
    /// What one piece costs the seller, in the currency of the price; shoppers never see it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(dive)]
    #[schemars(with = "Option<PriceBody>")]
    cost: Option<Option<PriceBody>>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(range(min = 0, max = 100_000_000))]
    #[schemars(with = "Option<Grams>")]
    weight_grams: Option<Option<i64>>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    length_mm: Option<Option<i64>>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    width_mm: Option<Option<i64>>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    height_mm: Option<Option<i64>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    external_references: Entries<SystemName, Reference>,
}

impl VariantBody {
    pub(super) fn new_variant(&self, product: &Title) -> Result<NewVariant, Malformed> {
        let millimetres = |number: Option<i64>| number.map(Millimetres::try_from).transpose();
        Ok(NewVariant {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map_or_else(|| Ok(product.clone()), Title::parse)?,
            price: self.price.money()?,
            active: self.active.unwrap_or(true),
            stock: self.stock.unwrap_or(0),
            low_threshold: self.low_threshold.unwrap_or(0),
            details: VariantDetails {
                barcode: self.barcode.as_deref().map(Barcode::parse).transpose()?,
                option_values: self.option_values.clone().unwrap_or_default(),
                compare_at: self.compare_at.as_ref().map(PriceBody::money).transpose()?,
                cost: self.cost.as_ref().map(PriceBody::money).transpose()?,
                weight_grams: self.weight_grams.map(Grams::try_from).transpose()?,
                length_mm: millimetres(self.length_mm)?,
                width_mm: millimetres(self.width_mm)?,
                height_mm: millimetres(self.height_mm)?,
                external_references: self.external_references.clone().unwrap_or_default(),
            },
        })
    }
}

impl VariantChangeBody {
    pub(super) fn change(&self) -> Result<VariantChange, Malformed> {
        let millimetres = |number: Option<&Option<i64>>| given(number, |number| Millimetres::try_from(*number));
        Ok(VariantChange {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            price: self.price.as_ref().map(PriceBody::money).transpose()?,
            active: self.active,
            details: VariantDetailsChange {
                barcode: given(self.barcode.as_ref(), |text| Barcode::parse(text))?,
                option_values: self.option_values.clone().map(Option::unwrap_or_default),
                compare_at: given(self.compare_at.as_ref(), PriceBody::money)?,
                cost: given(self.cost.as_ref(), PriceBody::money)?,
                weight_grams: given(self.weight_grams.as_ref(), |number| Grams::try_from(*number))?,
                length_mm: millimetres(self.length_mm.as_ref())?,
                width_mm: millimetres(self.width_mm.as_ref())?,
                height_mm: millimetres(self.height_mm.as_ref())?,
                external_references: self.external_references.clone(),
            },
        })
    }
}
