//! The terms of this service and their rules: organisations, their users, passwords, attempts to log in, and the life
//! of a signing key. Pure; knows the kernel only.

mod attempt;
mod email;
mod name;
mod organisation;
mod password;
mod signing_key;
mod user;

pub use attempt::{AccountDigest, Admission, Attempts};
pub use email::Email;
pub use name::Name;
pub use organisation::Organisation;
pub use password::Password;
pub use signing_key::{Candidate, Schedule, SigningKey, SigningKeys, Tended};
pub use user::{Membership, User};
