//! Everything that a command or query of the catalog can fail with.
//! The rule: each variant says what happened, to what, and what to do; `http/problems.rs` maps each to one problem type.

use kernel::{CategoryId, Malformed, ProductId, Sku, Slug};
use mediator::{Class, Classified};

use crate::domain::product::ProductFault;
use crate::domain::reservation::Contradiction;
use crate::domain::stock::StockFault;

/// Why the catalog did not do it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such product in this organisation.
    #[error("there is no product {product}")]
    ProductNotFound {
        /// As asked for.
        product: ProductId,
    },
    /// No variant has the SKU.
    #[error("there is no stock of SKU {sku}; create a product with this SKU first")]
    StockNotFound {
        /// As asked for.
        sku: Sku,
    },
    /// A SKU belongs to a variant of another product.
    #[error("SKU {} belongs to another product of this organisation; choose another one", join(.skus))]
    SkuTaken {
        /// All that are taken.
        skus: Vec<Sku>,
    },
    /// A slug belongs to another product.
    #[error("another product of this organisation has the slug {slug}; choose another one")]
    SlugTaken {
        /// Which.
        slug: Slug,
    },
    /// The catalog knows no such category.
    #[error("there is no category {category}")]
    CategoryUnknown {
        /// As given.
        category: CategoryId,
    },
    /// The product has changed since the caller read it.
    #[error("product {product} has version {current} by now, not {expected}; read it again and repeat the change")]
    Stale {
        /// Which.
        product: ProductId,
        /// What the caller has seen.
        expected: i64,
        /// What it is.
        current: i64,
    },
    /// The rules of a product do not allow it.
    #[error("{}", sentences(.0))]
    ProductRefused(Vec<ProductFault>),
    /// The stock level does not allow it.
    #[error("the stock of SKU {sku} cannot be changed so: {fault}")]
    StockRefused {
        /// Which.
        sku: Sku,
        /// Why not.
        fault: StockFault,
    },
    /// A cursor or filter value that this list did not make.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Two writers met in a way that a second attempt resolves.
    #[error("another change to {what} came between; it is tried again")]
    Overtaken {
        /// What both wrote.
        what: &'static str,
    },
    /// The tables contradict each other or the domain.
    #[error("a stored {what} cannot be read back: {reason}")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A reservation and its stock disagree.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The database.
    #[error(transparent)]
    Persistence(persistence::Error),
}

impl From<persistence::Error> for CatalogError {
    fn from(error: persistence::Error) -> Self {
        // The commands look before they write; who still meets one of these was overtaken in between.
        const RACES: [(&str, &str); 4] = [
            ("products_slug_key", "a slug"),
            ("variants_sku_key", "a SKU"),
            ("stock_sku_key", "a SKU"),
            ("reservations_pkey", "a reservation"),
        ];
        match RACES.iter().find(|(constraint, _)| error.is_unique(constraint)) {
            Some((_, what)) => CatalogError::Overtaken { what },
            None => CatalogError::Persistence(error),
        }
    }
}

impl Classified for CatalogError {
    fn class(&self) -> Class {
        match self {
            CatalogError::ProductNotFound { .. }
            | CatalogError::StockNotFound { .. }
            | CatalogError::SkuTaken { .. }
            | CatalogError::SlugTaken { .. }
            | CatalogError::CategoryUnknown { .. }
            | CatalogError::Stale { .. }
            | CatalogError::ProductRefused(_)
            | CatalogError::StockRefused { .. }
            | CatalogError::Malformed(_) => Class::Refused,
            CatalogError::Overtaken { .. } => Class::Transient,
            CatalogError::Corrupt { .. } | CatalogError::Contradiction(_) => Class::Permanent,
            CatalogError::Persistence(error) => error.class(),
        }
    }
}

fn join(skus: &[Sku]) -> String {
    skus.iter().map(Sku::as_str).collect::<Vec<_>>().join(", ")
}

fn sentences(faults: &[ProductFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
