//! The terms of this service and their rules: organisations, people and their places in them, roles, invitations, API keys,
//! logins, passwords, attempts to log in, and the life of a signing key. Pure.

mod api_key;
mod attempt;
mod authority;
mod invitation;
mod name;
mod organisation;
mod password;
pub mod role;
mod session;
mod signing_key;
mod user;

pub use api_key::ApiKey;
pub use attempt::{Admission, Attempts, Counted, Subject, admit};
pub use authority::Authority;
pub use invitation::{INVITATION_LIFE, Invitation};
pub use kernel::{Country, Email, TimeZone};
pub use name::Name;
pub use organisation::{Organisation, OrganisationChange};
pub use password::Password;
pub use role::{OwnRole, RoleName, RoleView};
pub use session::{AccountId, GRACE, Holder, Meant, Notice, Session, SessionLife, Worth};
pub use signing_key::{Candidate, Schedule, SigningKey, SigningKeys, Tended};
pub use user::{Member, Membership, NewOperator, NewPerson, Place, Seat, User};
