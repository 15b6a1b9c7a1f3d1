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
pub(super) const LOGIN_LOCKED: ProblemType = ProblemType::new("login-locked", 429, "Too many wrong passwords");
/// The person works for several organisations and named none.
pub(super) const NOT_CHOSEN: ProblemType =
    ProblemType::new("organisation-not-chosen", 409, "The account works for several organisations");
/// The person does not work for that organisation.
pub(super) const NOT_A_MEMBER: ProblemType =
    ProblemType::new("not-a-member", 403, "The account is no member of that organisation");
/// The refresh token is not valid.
pub(super) const SESSION_OVER: ProblemType = ProblemType::new("session-over", 401, "The session is over");
/// A token that accepts an invitation or a new password is not valid.
pub(super) const TOKEN_REFUSED: ProblemType = ProblemType::new("token-refused", 422, "The token is not valid");
/// An API key is not valid.
pub(super) const API_KEY_REFUSED: ProblemType = ProblemType::new("api-key-refused", 401, "The API key is not valid");
/// A role of that name exists.
pub(super) const ROLE_TAKEN: ProblemType = ProblemType::new("role-taken", 409, "A role of this name exists");
/// Somebody has the role.
pub(super) const ROLE_IN_USE: ProblemType = ProblemType::new("role-in-use", 409, "Somebody has this role");
/// The caller may not do what they would grant.
pub(super) const BEYOND_OWN: ProblemType =
    ProblemType::new("beyond-own-permissions", 403, "This goes beyond the caller's own permissions");
/// An organisation needs an owner.
pub(super) const LAST_OWNER: ProblemType = ProblemType::new("last-owner", 409, "An organisation needs an owner");
/// The address is a member's, or is invited.
pub(super) const ALREADY_IN: ProblemType =
    ProblemType::new("already-in-organisation", 409, "The address is a member's or was invited");
/// The organisation has as many as it may have.
pub(super) const TOO_MANY: ProblemType =
    ProblemType::new("organisation-limit", 409, "The organisation has the most of it");
/// The address has an account in the shop.
pub(super) const CUSTOMER_EXISTS: ProblemType =
    ProblemType::new("customer-exists", 409, "The address has an account in this shop");
/// An invitation or an API key has ended before.
pub(super) const ALREADY_OVER: ProblemType = ProblemType::new("already-over", 409, "It has ended already");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 18] = [
    SLUG_TAKEN,
    ALREADY_CREATED,
    SETUP_REFUSED,
    LOGIN_REFUSED,
    LOGIN_LOCKED,
    NOT_CHOSEN,
    NOT_A_MEMBER,
    SESSION_OVER,
    TOKEN_REFUSED,
    API_KEY_REFUSED,
    ROLE_TAKEN,
    ROLE_IN_USE,
    BEYOND_OWN,
    LAST_OWNER,
    ALREADY_IN,
    ALREADY_OVER,
    CUSTOMER_EXISTS,
    TOO_MANY,
];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 4] = [SLUG_TAKEN, ALREADY_CREATED, SETUP_REFUSED, LOGIN_LOCKED];
/// Those of a login.
pub(super) const LOGIN: [ProblemType; 4] = [LOGIN_REFUSED, LOGIN_LOCKED, NOT_CHOSEN, NOT_A_MEMBER];
/// Those of a change of a member.
pub(super) const MEMBER: [ProblemType; 2] = [BEYOND_OWN, LAST_OWNER];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::SlugTaken { .. } => Self::new(SLUG_TAKEN).field("slug", "is taken"),
            Error::AlreadyCreated { .. } => Self::new(ALREADY_CREATED),
            Error::SetupRefused => Self::new(SETUP_REFUSED),
            Error::OwnerHasAccount => {
                Self::new(problems::INVALID_REQUEST).field("owner.password", "is not that of the address's account")
            }
            Error::HasAccount => {
                Self::new(problems::INVALID_REQUEST).field("password", "is not that of the address's account")
            }
            Error::FieldRefused(fault) => Self::new(problems::INVALID_REQUEST).field(fault.what(), fault.reason()),
            Error::Suspended => Self::new(problems::ORGANISATION_SUSPENDED),
            Error::LoginRefused => Self::new(LOGIN_REFUSED),
            Error::PasswordRefused => Self::new(problems::INVALID_REQUEST).field("current_password", "is wrong"),
            Error::PasswordTooWeak(fault) => Self::new(problems::INVALID_REQUEST).field("password", fault.reason()),
            Error::LoginLocked { until } => Self::new(LOGIN_LOCKED).retry_after(seconds_until(*until)),
            Error::OrganisationNotChosen { organisations } => {
                Self::new(NOT_CHOSEN).field("organisation", "is needed").member("organisations", organisations)
            }
            Error::NotAMember { organisations } => Self::new(NOT_A_MEMBER)
                .field("organisation", "is not one that this account belongs to")
                .member("organisations", organisations),
            Error::NoOrganisation => Self::new(NOT_A_MEMBER),
            Error::TooMany { .. } => Self::new(TOO_MANY),
            Error::CustomerExists => Self::new(CUSTOMER_EXISTS).field("email", "has an account"),
            Error::UnknownOrganisation => Self::new(problems::ORGANISATION_NOT_FOUND),
            Error::SessionOver => Self::new(SESSION_OVER),
            Error::TokenRefused => Self::new(TOKEN_REFUSED).field("token", "is not valid"),
            Error::ApiKeyRefused => Self::new(API_KEY_REFUSED),
            Error::RoleTaken { .. } => Self::new(ROLE_TAKEN).field("name", "is taken"),
            Error::RoleInUse { .. } => Self::new(ROLE_IN_USE),
            Error::BeyondOwn { .. } | Error::BoundKey => Self::new(BEYOND_OWN),
            Error::LastOwner => Self::new(LAST_OWNER),
            Error::AlreadyMember { .. } => Self::new(ALREADY_IN).field("email", "is a member's"),
            Error::AlreadyInvited { .. } => Self::new(ALREADY_IN).field("email", "has an open invitation"),
            Error::InvitationOver { .. } | Error::ApiKeyOver { .. } => Self::new(ALREADY_OVER),
            Error::Stale { current } => Self::new(problems::STALE).member("current_version", current),
            Error::UnknownUser { .. } => Self::new(problems::UNAUTHENTICATED),
            Error::NoSuchRole { .. } => {
                Self::new(problems::INVALID_REQUEST).field("roles", "has one that does not exist")
            }
            Error::UnknownRole { .. }
            | Error::UnknownSession { .. }
            | Error::UnknownMember { .. }
            | Error::UnknownInvitation { .. }
            | Error::UnknownApiKey { .. } => Self::new(problems::NOT_FOUND),
            Error::Busy => Self::unavailable(&error),
            Error::Hashing(_) | Error::Sealing(_) | Error::Signing(_) | Error::Corrupt { .. } | Error::Storage(_) => {
                return Self::fault(error.class(), &error);
            }
        };
        problem.detail(error.to_string())
    }
}

/// Whole seconds, rounded up, so that whoever waits that long is not refused again.
fn seconds_until(until: Timestamp) -> u64 {
    let milliseconds = (until - Clock::now()).num_milliseconds();
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1_000).max(1)
}
