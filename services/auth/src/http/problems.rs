//! Each error of this service and the one problem type that it becomes.

use kernel::{Clock, Timestamp};
use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::error::Error;

/// Another organisation has the slug.
pub(super) const SLUG_TAKEN: ProblemType =
    ProblemType::new("organisation-slug-taken", 409, "Another organisation has this slug");
/// The idempotency key created an organisation, and the reply to that request is not recorded any more.
pub(super) const ALREADY_CREATED: ProblemType =
    ProblemType::new("organisation-already-created", 409, "This Idempotency-Key created an organisation already");
/// The setup token is wrong.
pub(super) const SETUP_REFUSED: ProblemType = ProblemType::new("setup-refused", 403, "The setup token is wrong");
/// Organisation, address or password is wrong.
pub(super) const LOGIN_REFUSED: ProblemType = ProblemType::new("login-refused", 401, "The login was refused");
/// Too many wrong passwords.
pub(super) const LOGIN_LOCKED: ProblemType =
    ProblemType::new("login-locked", 429, "Too many wrong passwords for this account");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 5] = [SLUG_TAKEN, ALREADY_CREATED, SETUP_REFUSED, LOGIN_REFUSED, LOGIN_LOCKED];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 3] = [SLUG_TAKEN, ALREADY_CREATED, SETUP_REFUSED];
/// Those of a login.
pub(super) const LOGIN: [ProblemType; 2] = [LOGIN_REFUSED, LOGIN_LOCKED];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::SlugTaken { .. } => Self::new(SLUG_TAKEN).detail(error.to_string()).field("slug", "is taken"),
            Error::AlreadyCreated { .. } => Self::new(ALREADY_CREATED).detail(error.to_string()),
            Error::SetupRefused => Self::new(SETUP_REFUSED).detail(error.to_string()),
            Error::LoginRefused => Self::new(LOGIN_REFUSED).detail(error.to_string()),
            Error::LoginLocked { until } => {
                Self::new(LOGIN_LOCKED).detail(error.to_string()).retry_after(seconds_until(*until))
            }
            Error::UnknownUser { .. } => Self::new(problems::UNAUTHENTICATED).detail(error.to_string()),
            Error::Hashing(_) | Error::Sealing(_) | Error::Signing(_) | Error::Corrupt { .. } | Error::Storage(_) => {
                Self::fault(error.class(), &error)
            }
        }
    }
}

/// Whole seconds, rounded up, so that whoever waits that long is not refused again.
fn seconds_until(until: Timestamp) -> u64 {
    let milliseconds = (until - Clock::now()).num_milliseconds();
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1_000).max(1)
}
