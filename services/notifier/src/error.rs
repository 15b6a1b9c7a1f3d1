//! Everything that a command or query of the notifier can fail with. Facts are never refused, only what staff asks for is.
//! The rule: each variant says whether trying again can help.

use std::fmt::Display;

use kernel::{ChatLinkId, DestinationId, Malformed};
use mediator::{Class, Classified};

/// Why a command or query failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organisation has no such destination.
    #[error("there is no destination {destination}")]
    UnknownDestination {
        /// The id that was asked for.
        destination: DestinationId,
    },
    /// The person has no such link.
    #[error("you have no link {chat_link} to an account")]
    UnknownChatLink {
        /// The id that was asked for.
        chat_link: ChatLinkId,
    },
    /// The destination was changed since the caller read it.
    #[error("the destination {destination} was changed meanwhile and has version {current}; read it again")]
    StaleDestination {
        /// The destination.
        destination: DestinationId,
        /// The version that it has now.
        current: i64,
    },
    /// No chat is linked to the destination yet.
    #[error("no chat is linked to the destination {destination} yet; send its code to the bot with /link")]
    NotLinked {
        /// The destination.
        destination: DestinationId,
    },
    /// The organisation has as many destinations as it may have.
    #[error("an organisation has at most {limit} destinations; delete one that is not used")]
    TooManyDestinations {
        /// How many it may have.
        limit: i64,
    },
    /// A cursor that this list did not make.
    #[error(transparent)]
    Cursor(Malformed),
    /// A stored row breaks a rule of the domain: something other than this service wrote it.
    #[error("the stored destination {destination} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The destination whose row it is.
        destination: DestinationId,
        /// The rule that the row breaks.
        reason: String,
    },
    /// A stored copy of what another service said breaks a rule of the domain.
    #[error("the stored copy of {what} breaks a rule: {reason}; repair the row")]
    CorruptCopy {
        /// The order, or what else it is a copy of.
        what: String,
        /// The rule that the row breaks.
        reason: String,
    },
    /// The database refused a statement or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    /// A fact has no JSON form, so no delivery can hold it.
    #[error("a fact cannot be written as JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl Error {
    /// The stored copy of something breaks a rule.
    pub(crate) fn corrupt_copy(what: impl Display, reason: impl Display) -> Self {
        Self::CorruptCopy { what: what.to_string(), reason: reason.to_string() }
    }

    /// The stored row of this destination breaks a rule.
    pub(crate) fn corrupt(destination: DestinationId, reason: impl Display) -> Self {
        Self::Corrupt { destination, reason: reason.to_string() }
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
            Self::Storage(error) => error.class(),
            Self::UnknownDestination { .. }
            | Self::UnknownChatLink { .. }
            | Self::StaleDestination { .. }
            | Self::NotLinked { .. }
            | Self::TooManyDestinations { .. }
            | Self::Cursor(_) => Class::Refused,
            Self::Corrupt { .. } | Self::CorruptCopy { .. } | Self::Unwritable(_) => Class::Permanent,
        }
    }
}
