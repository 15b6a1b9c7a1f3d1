//! Everything that a command or query of the notifier can fail with. It refuses nothing: every fact is taken.
//! The rule: each variant says whether trying again can help.

use mediator::{Class, Classified};

/// Why a command or query failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused a statement or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    /// A fact has no JSON form, so no delivery can hold it.
    #[error("a fact cannot be written as JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        Self::Storage(error.into())
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Storage(error) => error.class(),
            Self::Unwritable(_) => Class::Permanent,
        }
    }
}
