//! Why a command or a query of this service can fail.
//! The rule: each failure says of which class it is, so that nobody retries what cannot succeed.

use kernel::{CategoryId, Malformed};
use mediator::{Class, Classified};

use crate::domain::{CategoryAddress, NotPlaced, TreeError};

/// Why a command or query of this service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tree refused the change.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The shop shows no category at an address.
    #[error("the shop shows no category {address}; read the tree for those that it shows")]
    NothingThere {
        /// The address.
        address: CategoryAddress,
    },
    /// Some nodes of a tree cannot be placed, and the caller wants all or nothing.
    #[error("{} of the nodes cannot be placed, so nothing was created; correct them, or do without all_or_nothing", .not_placed.len())]
    NotAllPlaced {
        /// Each with its reason.
        not_placed: Vec<NotPlaced>,
    },
    /// A query that is not valid.
    #[error("the query was refused: {0}")]
    QueryRefused(query::Faults),
    /// A cursor that this list did not make.
    #[error(transparent)]
    Cursor(Malformed),
    /// A stored row breaks a rule of the domain: something other than this service wrote it.
    #[error("the stored category {category} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The category whose row it is.
        category: CategoryId,
        /// The rule that the row breaks.
        reason: String,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

impl Error {
    /// The stored row of this category breaks a rule.
    pub(crate) fn corrupt(category: CategoryId, reason: &Malformed) -> Self {
        Self::Corrupt { category, reason: reason.to_string() }
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::Refused(faults) => Self::QueryRefused(faults),
            query::Error::Cursor(malformed) => Self::Cursor(malformed),
            query::Error::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        Self::Storage(error.into())
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Tree(_)
            | Self::NothingThere { .. }
            | Self::NotAllPlaced { .. }
            | Self::QueryRefused(_)
            | Self::Cursor(_) => Class::Refused,
            Self::Corrupt { .. } => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}
