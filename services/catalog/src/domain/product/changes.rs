//! What somebody wants a product to be: new products and changes of those that there are. Data only; `Product` decides.

use contracts::catalog::ProductStatus;
use kernel::{CategoryId, Money, Sku, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::details::{Details, DetailsChange};
use super::variant::{VariantDetails, VariantDetailsChange};
use crate::domain::wording::{Description, Title};

/// What a client may set a status to. A product is retired with a request of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[schemars(rename = "StatusBody")]
pub enum SettableStatus {
    /// Not sold yet.
    Draft,
    /// Sold.
    Active,
}

impl From<SettableStatus> for ProductStatus {
    fn from(status: SettableStatus) -> Self {
        match status {
            SettableStatus::Draft => Self::Draft,
            SettableStatus::Active => Self::Active,
        }
    }
}

/// A variant that is to be created, with its first stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVariant {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its name for people, shown with its product's title.
    pub title: Title,
    /// The price of one piece.
    pub price: Money,
    /// Whether it is sold while its product is.
    pub active: bool,
    /// Pieces on hand, 0 to 1,000,000,000.
    pub stock: i64,
    /// A warning comes when this many or fewer are available.
    pub low_threshold: i64,
    /// What else is known of it.
    pub details: VariantDetails,
}

/// The slug of a product that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSlug {
    /// As it was asked for. When another product has it, the creation is refused.
    Asked(Slug),
    /// As the title suggests it. When another product has it, it gets a suffix.
    Suggested(Slug),
}

/// A product that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Its name in addresses, unique in the organisation.
    pub slug: NewSlug,
    /// Its name for people.
    pub title: Title,
    /// Its description.
    pub description: Description,
    /// Its primary category, if it has one. Otherwise the first one of its details is.
    pub category: Option<CategoryId>,
    /// Its first status.
    pub status: SettableStatus,
    /// What else it says of itself.
    pub details: Details,
    /// 1 to [`super::Product::MOST_VARIANTS`] variants.
    pub variants: Vec<NewVariant>,
}

/// A change of a variant. A SKU that the product does not have adds a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantChange {
    /// The variant's SKU.
    pub sku: Sku,
    /// Its new title.
    pub title: Option<Title>,
    /// Its new price.
    pub price: Option<Money>,
    /// Whether it is sold from now on.
    pub active: Option<bool>,
    /// What else is known of it.
    pub details: VariantDetailsChange,
}

/// A change of a product. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Its new name in addresses.
    pub slug: Option<Slug>,
    /// Its new name for people.
    pub title: Option<Title>,
    /// Its new description.
    pub description: Option<Description>,
    /// Its new primary category, in place of the former one; `Some(None)` takes it out of all, unless the details name some.
    pub category: Option<Option<CategoryId>>,
    /// Its new status.
    pub status: Option<SettableStatus>,
    /// What else is to be different.
    pub details: DetailsChange,
    /// Variants to change or add; the others stay as they are.
    pub variants: Vec<VariantChange>,
}
