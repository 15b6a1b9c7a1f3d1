//! Why a command or a query of this service can fail. The rule: no message repeats a secret.

use access::Permissions;
use kernel::{
    ApiKeyId, Expected, InvitationId, KeyId, Malformed, MembershipId, OrganisationId, SessionId, Slug, Timestamp,
    UserId,
};
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
    /// The owner of a new organisation has an account already, with another password.
    #[error("this e-mail address has an account with another password; give that account's password")]
    OwnerHasAccount,
    /// The address has an account already, with another password.
    #[error("this e-mail address has an account with another password; give that account's password")]
    HasAccount,
    /// The header that allows creating organisations and operators is wrong.
    #[error("the header X-Setup-Token is wrong; ask whoever runs this installation for it")]
    SetupRefused,
    /// Organisation, e-mail address or password is wrong; the caller is not told which.
    #[error("the e-mail address, the password, or the organisation if one was named, is wrong; check them")]
    LoginRefused,
    /// The password is right, and the person works for several organisations and named none.
    #[error("this account works for several organisations; name one of them as \"organisation\"")]
    OrganisationNotChosen {
        /// Those that can be chosen.
        organisations: Vec<Slug>,
    },
    /// The person is no member of the organisation, or not any more.
    #[error("this account is no member of that organisation; name one of its own as \"organisation\"")]
    NotAMember {
        /// Those that can be named.
        organisations: Vec<Slug>,
    },
    /// The password is right, and the person works for no organisation.
    #[error(
        "this account works for no organisation; ask one for an invitation, and log in at /auth/v1/operators/login if it \
         runs the installation"
    )]
    NoOrganisation,
    /// The refresh token is not valid: never issued, replaced long ago, or of a login that is over.
    #[error("the session is over, or the token is not one of it; log in again")]
    SessionOver,
    /// The address has an account in this shop.
    #[error("this address has an account in this shop; log in")]
    CustomerExists,
    /// There is no such organisation, or it is not active.
    #[error("there is no such organisation, or it is not in use; check its name")]
    UnknownOrganisation,
    /// The person has no such session, or it is over.
    #[error("there is no open session {session} of this account")]
    UnknownSession {
        /// The session that was asked for.
        session: SessionId,
    },
    /// The token that accepts an invitation or a new password is wrong, was used, or has expired.
    #[error("this token is wrong, was used, or has expired; if you have used it, log in, otherwise ask for a new one")]
    TokenRefused,
    /// The organisation has as many as it may have.
    #[error("this organisation has {limit} {what} already, which is the most; {advice}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The most.
        limit: i64,
        /// What to do.
        advice: &'static str,
    },
    /// The caller's own password was not right.
    #[error("the current password is wrong")]
    PasswordRefused,
    /// A new password breaks a rule that needs to know whose it is.
    #[error(transparent)]
    PasswordTooWeak(Malformed),
    /// A field breaks a rule that needs to know more than the request.
    #[error(transparent)]
    FieldRefused(Malformed),
    /// The organisation is suspended.
    #[error("this organisation is suspended; ask whoever runs the installation")]
    Suspended,
    /// The organisation has no such member.
    #[error("this organisation has no member {membership}")]
    UnknownMember {
        /// The membership that was asked for.
        membership: MembershipId,
    },
    /// The organisation has no such invitation.
    #[error("this organisation has no invitation {invitation}")]
    UnknownInvitation {
        /// The invitation that was asked for.
        invitation: InvitationId,
    },
    /// The organisation has no such API key.
    #[error("this organisation has no API key {key}")]
    UnknownApiKey {
        /// The key that was asked for.
        key: ApiKeyId,
    },
    /// The organisation has no such role of its own.
    #[error("this organisation has no role \"{role}\" of its own; built-in ones cannot be changed")]
    UnknownRole {
        /// The role that was asked for.
        role: Slug,
    },
    /// Somebody shall have a role that the organisation does not have.
    #[error("this organisation has no role \"{role}\"; GET /admin/v1/roles lists those that it has")]
    NoSuchRole {
        /// The role that was named.
        role: Slug,
    },
    /// The organisation has a role of that name.
    #[error("this organisation has a role \"{role}\" already; choose another name")]
    RoleTaken {
        /// The name that is taken.
        role: Slug,
    },
    /// Members or invitations have the role.
    #[error(
        "the role \"{role}\" is not free: members or open invitations have it ({holders}); give them another one first"
    )]
    RoleInUse {
        /// The role.
        role: Slug,
        /// How many have it.
        holders: i64,
    },
    /// What was to be granted goes beyond what the caller may do.
    #[error("nobody can hand out or take away what they may not do themselves: {beyond}")]
    BeyondOwn {
        /// What is too much.
        beyond: Permissions,
    },
    /// A key that is bound to networks or an end would give somebody rights that are not.
    #[error(
        "a key that is bound to networks or an end cannot invite people, who would not be bound; let a member do it"
    )]
    BoundKey,
    /// The organisation would be without an owner.
    #[error("this is the last owner of the organisation; make somebody else an owner first")]
    LastOwner,
    /// The address belongs to a member.
    #[error("{email} is a member of this organisation already")]
    AlreadyMember {
        /// The address.
        email: String,
    },
    /// The address has an open invitation.
    #[error("{email} has an open invitation already; send that one again")]
    AlreadyInvited {
        /// The address.
        email: String,
    },
    /// The invitation was accepted or revoked, or sent again with another token.
    #[error("the invitation {invitation} was accepted, revoked or sent again already; read it to see which")]
    InvitationOver {
        /// The invitation.
        invitation: InvitationId,
    },
    /// The API key was revoked before.
    #[error("the API key {key} was revoked already; make a new one if one is needed")]
    ApiKeyOver {
        /// The key.
        key: ApiKeyId,
    },
    /// The API key is wrong, was revoked, or has expired.
    #[error("this API key is wrong, was revoked, or has expired; ask whoever manages the keys of the organisation")]
    ApiKeyRefused,
    /// The resource is not in a version that the caller expected.
    #[error("the resource is in version {current} by now; read it again")]
    Stale {
        /// The version that it has.
        current: i64,
    },
    /// Too many wrong passwords.
    #[error("too many wrong passwords; try again at {}", until.to_rfc3339())]
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
    /// Too many passwords wait to be hashed or checked.
    #[error("too many passwords wait to be hashed or checked; try again in a moment")]
    Busy,
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

    /// A stored row breaks a rule; `what` names it as an operator would look for it.
    pub(crate) fn corrupt(what: impl std::fmt::Display, reason: &Malformed) -> Self {
        Self::Corrupt { what: what.to_string(), reason: reason.to_string() }
    }

    /// Refuses a change of a version that the caller did not expect.
    pub(crate) fn unless_expected(expected: &Expected, current: i64) -> Result<(), Self> {
        if expected.includes(current) { Ok(()) } else { Err(Self::Stale { current }) }
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
            | Self::OwnerHasAccount
            | Self::HasAccount
            | Self::FieldRefused(_)
            | Self::Suspended
            | Self::SetupRefused
            | Self::LoginRefused
            | Self::OrganisationNotChosen { .. }
            | Self::NotAMember { .. }
            | Self::NoOrganisation
            | Self::SessionOver
            | Self::CustomerExists
            | Self::UnknownOrganisation
            | Self::UnknownSession { .. }
            | Self::TokenRefused
            | Self::TooMany { .. }
            | Self::PasswordRefused
            | Self::PasswordTooWeak(_)
            | Self::UnknownMember { .. }
            | Self::UnknownInvitation { .. }
            | Self::UnknownApiKey { .. }
            | Self::UnknownRole { .. }
            | Self::NoSuchRole { .. }
            | Self::RoleTaken { .. }
            | Self::RoleInUse { .. }
            | Self::BeyondOwn { .. }
            | Self::LastOwner
            | Self::BoundKey
            | Self::AlreadyMember { .. }
            | Self::AlreadyInvited { .. }
            | Self::InvitationOver { .. }
            | Self::ApiKeyOver { .. }
            | Self::ApiKeyRefused
            | Self::Stale { .. }
            | Self::LoginLocked { .. }
            | Self::UnknownUser { .. } => Class::Refused,
            Self::Busy => Class::Transient,
            Self::Hashing(_) | Self::Sealing(_) | Self::Signing(_) | Self::Corrupt { .. } => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}
