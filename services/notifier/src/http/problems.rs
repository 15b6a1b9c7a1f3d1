//! Each error of this service and the one problem type that it becomes.

use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::error::Error;

/// No chat is linked to the destination yet.
pub(super) const NOT_LINKED: ProblemType =
    ProblemType::new("destination-not-linked", 409, "No chat is linked to the destination yet");
/// The organisation has as many destinations as it may have.
pub(super) const TOO_MANY: ProblemType =
    ProblemType::new("too-many-destinations", 409, "The organisation has as many destinations as it may have");

/// The installation sends no mail.
pub(super) const NO_MAIL: ProblemType =
    ProblemType::new("mail-not-set-up", 409, "This installation sends no mail to destinations");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 3] = [NOT_LINKED, TOO_MANY, NO_MAIL];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 2] = [TOO_MANY, NO_MAIL];
/// Those of what needs a chat.
pub(super) const LINKED: [ProblemType; 1] = [NOT_LINKED];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::UnknownDestination { .. } | Error::UnknownChatLink { .. } => {
                Self::new(problems::NOT_FOUND).detail(error.to_string())
            }
            Error::StaleDestination { current, .. } => Self::new(problems::STALE).member("current_version", current),
            Error::NotLinked { .. } => Self::new(NOT_LINKED).detail(error.to_string()),
            Error::TooManyDestinations { limit } => {
                Self::new(TOO_MANY).member("limit", limit).detail(error.to_string())
            }
            Error::Cursor(malformed) => malformed.clone().into(),
            Error::Corrupt { .. } | Error::CorruptCopy { .. } | Error::Storage(_) | Error::Unwritable(_) => {
                Self::fault(error.class(), &error)
            }
        }
    }
}
