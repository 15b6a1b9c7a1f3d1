//! Everything that a command or a query of this service can answer other than its reply. No message repeats a secret.

use kernel::{Malformed, OrganisationId, Slug, Timestamp, UserId};
use mediator::{Class, Classified};

/// Why a command or query of this service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another organisation has the slug.
    #[error("another organisation has the slug \"{slug}\"; choose another one")]
    SlugTaken {
        /// The slug in question.
        slug: Slug,
    },
    /// The idempotency key stands for an organisation that exists and was created by another request.
    #[error("this idempotency key created {organisation} already; use a new key for a new organisation")]
    AlreadyCreated {
        /// That organisation.
        organisation: OrganisationId,
    },
    /// The header that allows creating organisations is missing or wrong.
    #[error("the header X-Setup-Token is missing or wrong; ask whoever runs this installation for it")]
    SetupRefused,
    /// Organisation, e-mail address or password is wrong; which one is nobody's business.
    #[error("organisation, e-mail address or password is wrong; check all three")]
    LoginRefused,
    /// Too many wrong guesses at this account.
    #[error("too many wrong passwords for this account; try again at {until}")]
    LoginLocked {
        /// When the next guess is admitted.
        until: Timestamp,
    },
    /// The caller's own account is gone since the token was issued.
    #[error("the account {user} does not exist any more; log in with another one")]
    UnknownUser {
        /// The account.
        user: UserId,
    },
    /// Hashing a password failed.
    #[error("a password could not be hashed or checked: {0}; look at the memory of the machine")]
    Hashing(String),
    /// A private key could not be sealed or opened.
    #[error("{0}")]
    Sealing(&'static str),
    /// A token could not be signed.
    #[error("a token could not be signed: {0}")]
    Signing(String),
    /// A stored row breaks a rule of the domain: somebody wrote past this service.
    #[error("the stored {what} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The row.
        what: String,
        /// The rule.
        reason: String,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

impl Error {
    /// A stored account breaks a rule.
    pub(crate) fn corrupt_account(user: UserId, reason: &Malformed) -> Self {
        Self::Corrupt { what: format!("account {user}"), reason: reason.to_string() }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::SlugTaken { .. }
            | Self::AlreadyCreated { .. }
            | Self::SetupRefused
            | Self::LoginRefused
            | Self::LoginLocked { .. }
            | Self::UnknownUser { .. } => Class::Refused,
            Self::Hashing(_) | Self::Sealing(_) | Self::Signing(_) | Self::Corrupt { .. } => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}
