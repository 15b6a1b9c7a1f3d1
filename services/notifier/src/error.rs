//! Everything that a command of the notifier can answer other than its reply.

use mediator::{Class, Classified};

/// Why a command failed. The notifier refuses nothing: what others say, it tells.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Storage(error) => error.class(),
        }
    }
}
