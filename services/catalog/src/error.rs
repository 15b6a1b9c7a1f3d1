//! Everything that a command or query of the catalog can fail with.
//! The rule: each variant says what happened, to what, and what to do; `http/problems.rs` maps each to one problem type.

use std::fmt::Display;

use kernel::{CategoryId, Malformed, ProductId, Sku, Slug};
use mediator::{Class, Classified};

use crate::domain::product::{ProductFault, TakenSku};
use crate::domain::reservation::Contradiction;
use crate::domain::stock::{StockFault, StockKey};

/// Why the catalog did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such product in this organisation.
    #[error("there is no product {product}")]
    ProductNotFound {
        /// The id that was asked for.
        product: ProductId,
    },
    /// No variant of this organisation has the SKU, or the id.
    #[error("there is no stock of {key}; create a product with this variant first")]
    StockNotFound {
        /// What was asked for.
        key: StockKey,
    },
    /// A SKU belongs to a variant of another product.
    #[error("{}; choose another SKU, or change or restore that product", join(.taken))]
    SkuTaken {
        /// All that are taken.
        taken: Vec<TakenSku>,
    },
    /// A slug belongs to another product.
    #[error("another product of this organisation has the slug {slug}; choose another one")]
    SlugTaken {
        /// The slug that is taken.
        slug: Slug,
    },
    /// The catalog knows no such category.
    #[error("there is no category {category}")]
    CategoryUnknown {
        /// As given.
        category: CategoryId,
    },
    /// The product has changed since the caller read it.
    #[error("product {product} has version {current} by now; read it again and repeat the change")]
    Stale {
        /// The product that has changed.
        product: ProductId,
        /// Its version now.
        current: i64,
    },
    /// The rules of a product do not allow it.
    #[error("{}", sentences(.0))]
    ProductRefused(Vec<ProductFault>),
    /// The stock level does not allow it.
    #[error("the stock of SKU {sku} cannot be changed so: {fault}")]
    StockRefused {
        /// The SKU whose level it is.
        sku: Sku,
        /// Why not.
        fault: StockFault,
    },
    /// A cursor that this list did not make.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A query that is not valid.
    #[error("the query was refused: {0}")]
    QueryRefused(query::Faults),
    /// A concurrent transaction changed what this one had read. A second attempt resolves it.
    #[error("another transaction changed {what} at the same time; the command is retried")]
    Overtaken {
        /// What both of them wrote.
        what: &'static str,
    },
    /// The tables contradict each other or the domain.
    #[error("a stored {what} cannot be read back: {reason}")]
    Corrupt {
        /// The kind of row.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A reservation and its stock disagree.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The database.
    #[error(transparent)]
    Storage(persistence::Error),
}

impl Error {
    /// A stored row that cannot be read back, with the reason.
    pub(crate) fn corrupt(what: &'static str, reason: impl Display) -> Self {
        Self::Corrupt { what, reason: reason.to_string() }
    }

    /// Whether others wrote or locked the same rows at the same time.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        use persistence::Error::{Collision, Locked};
        matches!(self, Self::Overtaken { .. } | Self::Storage(Collision(_) | Locked(_)))
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::Refused(faults) => Self::QueryRefused(faults),
            query::Error::Cursor(malformed) => Self::Malformed(malformed),
            query::Error::Storage(error) => error.into(),
        }
    }
}

impl From<persistence::Error> for Error {
    fn from(error: persistence::Error) -> Self {
        // Commands check for these before they write, so a violation means that another transaction came in between.
        const RACES: [(&str, &str); 4] = [
            ("products_slug_key", "a slug"),
            ("variants_sku_key", "a SKU"),
            ("stock_sku_key", "a SKU"),
            ("reservations_pkey", "a reservation"),
        ];
        match RACES.iter().find(|(constraint, _)| error.is_unique(constraint)) {
            Some((_, what)) => Self::Overtaken { what },
            None => Self::Storage(error),
        }
    }
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        persistence::Error::from(error).into()
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::ProductNotFound { .. }
            | Self::StockNotFound { .. }
            | Self::SkuTaken { .. }
            | Self::SlugTaken { .. }
            | Self::CategoryUnknown { .. }
            | Self::Stale { .. }
            | Self::ProductRefused(_)
            | Self::StockRefused { .. }
            | Self::Malformed(_)
            | Self::QueryRefused(_) => Class::Refused,
            Self::Overtaken { .. } => Class::Transient,
            Self::Corrupt { .. } | Self::Contradiction(_) => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}

fn join(taken: &[TakenSku]) -> String {
    taken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn sentences(faults: &[ProductFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
