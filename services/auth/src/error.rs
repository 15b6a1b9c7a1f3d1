//! Why a command or a query of this service can fail. The rule: no message repeats a secret.

use kernel::{KeyId, Malformed, OrganisationId, Slug, Timestamp, UserId};
use mediator::{Class, Classified};

/// Why a command or query of this service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another organisation has the slug.
    #[error("another organisation has the slug \"{slug}\"; choose another one")]
    SlugTaken {
        /// The slug that is taken.
        slug: Slug,
    },
    /// The idempotency key created an organisation, and the reply to that request is not recorded any more.
    #[error("this idempotency key created {organisation} already; use a new key for a new organisation")]
    AlreadyCreated {
        /// The organisation that the key created.
        organisation: OrganisationId,
    },
    /// The header that allows creating organisations is missing or wrong.
    #[error("the header X-Setup-Token is missing or wrong; ask whoever runs this installation for it")]
    SetupRefused,
    /// Organisation, e-mail address or password is wrong; the caller is not told which.
    #[error("organisation, e-mail address or password is wrong; check all three")]
    LoginRefused,
    /// Too many wrong passwords for this account.
    #[error("too many wrong passwords for this account; try again at {until}")]
    LoginLocked {
        /// The next attempt is admitted at this time.
        until: Timestamp,
    },
    /// The caller's account was deactivated or deleted after the token had been issued.
    #[error("the account {user} does not exist any more; log in with another one")]
    UnknownUser {
        /// The account that is gone.
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
    /// A stored row breaks a rule of the domain: something other than this service wrote it.
    #[error("the stored {what} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The row, as an operator would look for it: "account user_…".
        what: String,
        /// The rule that it breaks.
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

    /// A stored signing key breaks a rule.
    pub(crate) fn corrupt_key(kid: KeyId, reason: impl Into<String>) -> Self {
        Self::Corrupt { what: format!("signing key {kid}"), reason: reason.into() }
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
