//! Why a product cannot be as somebody wants it. The rule: each fault names what it is about and what would be right.

use contracts::catalog::ProductStatus;
use kernel::{ProductId, Sku};
use serde::Serialize;

use super::Product;
use crate::domain::barcode::Barcode;
use crate::domain::reference::MOST_REFERENCES;

/// A SKU that another product has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenSku {
    /// The SKU.
    pub sku: Sku,
    /// The product that has it.
    pub product: ProductId,
    /// Whether that product is sold.
    pub status: ProductStatus,
}

impl std::fmt::Display for TakenSku {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SKU {} belongs to {}, which is {}", self.sku, self.product, self.status.as_str())
    }
}

/// A barcode that a variant of another product has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenBarcode {
    /// The barcode.
    pub barcode: Barcode,
    /// The variant that has it, by its SKU.
    pub sku: Sku,
    /// The product of that variant.
    pub product: ProductId,
    /// Whether that product is sold.
    pub status: ProductStatus,
}

impl std::fmt::Display for TakenBarcode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { barcode, sku, product, status } = self;
        write!(formatter, "barcode {barcode} belongs to SKU {sku} of {product}, which is {}", status.as_str())
    }
}

/// An amount of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// What one piece costs.
    Price,
    /// What one piece cost before, or elsewhere.
    CompareAt,
    /// What one piece costs the seller.
    Cost,
    /// What one piece is going to cost, or costs for a while.
    Planned,
}

impl Amount {
    /// The field that says it.
    const fn field(self) -> &'static str {
        match self {
            Self::Price | Self::Planned => "price",
            Self::CompareAt => "compare_at",
            Self::Cost => "cost",
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Price => "price",
            Self::CompareAt => "compare-at price",
            Self::Cost => "cost",
            Self::Planned => "planned or current price, which would have to be ended,",
        })
    }
}

/// Where a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPlace<'f> {
    /// A field of the product.
    Product(&'static str),
    /// A field of the variant with this SKU.
    Variant(&'f Sku, &'static str),
    /// All of it together.
    Whole,
}

/// What is wrong with a product or a change of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductFault {
    /// It would have too few or too many variants.
    #[error("a product has 1 to {limit} variants, this one would have {count}", limit = Product::MOST_VARIANTS)]
    VariantCount {
        /// How many it would have.
        count: usize,
    },
    /// Two variants have the same SKU.
    #[error("SKU {sku} stands more than once")]
    RepeatedSku {
        /// The repeated SKU.
        sku: Sku,
    },
    /// Two variants have the same barcode.
    #[error("SKU {sku} has the barcode {barcode}, which another variant of the product has too")]
    RepeatedBarcode {
        /// The second variant with it.
        sku: Sku,
        /// The repeated barcode.
        barcode: Barcode,
    },
    /// The amounts are in more than one currency.
    #[error("SKU {sku} has its {what} in {found}, but it must be in {expected}, as the product's prices are")]
    MixedCurrencies {
        /// The variant that differs.
        sku: Sku,
        /// Which of its amounts differs.
        what: Amount,
        /// Its currency.
        found: String,
        /// That of the prices.
        expected: String,
    },
    /// A variant does not have one value of each option, or not alone.
    #[error("SKU {sku}: {reason}")]
    OptionValues {
        /// The variant.
        sku: Sku,
        /// What would be valid.
        reason: String,
    },
    /// A variant has too many references.
    #[error("SKU {sku} must have at most {MOST_REFERENCES} external references")]
    VariantReferences {
        /// The variant.
        sku: Sku,
    },
    /// A variant that is to be added lacks its title or its price.
    #[error("SKU {sku} is new to this product, so it needs a title and a price")]
    IncompleteVariant {
        /// The SKU of the variant.
        sku: Sku,
    },
    /// A SKU that is new cannot stand in an address.
    #[error(
        "SKU {sku} cannot stand in an address; choose one that is not the id of a variant and has no part of dots only \
         between slashes or backslashes"
    )]
    NoAddress {
        /// The SKU of the variant.
        sku: Sku,
    },
    /// It is retired.
    #[error("the product is retired; restore it first, which makes it a draft")]
    Retired,
    /// A stock figure is negative or too large.
    #[error("SKU {sku} must have from 0 to 1000000000 pieces on hand and as threshold")]
    StockOutOfBounds {
        /// The SKU of the variant.
        sku: Sku,
    },
    /// Its options are wrong in themselves.
    #[error("{0}")]
    Options(String),
    /// A list or an object has too many members.
    #[error("must have at most {limit} {field}")]
    TooMany {
        /// The field of the product.
        field: &'static str,
        /// How many it may have.
        limit: usize,
    },
    /// All its texts together are too long.
    #[error("the product has {bytes} bytes in all, and at most {limit} are taken; shorten its texts", limit = Product::MOST_BYTES)]
    TooLarge {
        /// The size of its JSON.
        bytes: usize,
    },
}

impl ProductFault {
    /// What is to be different.
    #[must_use]
    pub fn place(&self) -> FaultPlace<'_> {
        match self {
            Self::VariantCount { .. } => FaultPlace::Product("variants"),
            Self::RepeatedSku { sku } | Self::NoAddress { sku } => FaultPlace::Variant(sku, "sku"),
            Self::RepeatedBarcode { sku, .. } => FaultPlace::Variant(sku, "barcode"),
            Self::MixedCurrencies { sku, what, .. } => FaultPlace::Variant(sku, what.field()),
            Self::OptionValues { sku, .. } => FaultPlace::Variant(sku, "option_values"),
            Self::VariantReferences { sku } => FaultPlace::Variant(sku, "external_references"),
            Self::IncompleteVariant { sku } => FaultPlace::Variant(sku, "price"),
            Self::StockOutOfBounds { sku } => FaultPlace::Variant(sku, "stock"),
            Self::Retired => FaultPlace::Product("status"),
            Self::Options(_) => FaultPlace::Product("options"),
            Self::TooMany { field, .. } => FaultPlace::Product(field),
            Self::TooLarge { .. } => FaultPlace::Whole,
        }
    }
}
