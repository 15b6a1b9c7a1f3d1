//! Everything that a command or a query of this service can answer other than its reply.

use mediator::{Class, Classified};

use crate::domain::TreeError;

/// Why a command or query of this service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tree refused the change.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A stored row breaks a rule of the domain: somebody wrote past this service.
    #[error("the stored category {category} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The row.
        category: String,
        /// The rule.
        reason: String,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Tree(_) => Class::Refused,
            Self::Corrupt { .. } => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}
