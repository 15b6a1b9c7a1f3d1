#![doc = include_str!("../README.md")]
//!
//! `Caller` says who asks, `Permission` what for, and `Verifier` makes a caller of a token; the rule: nothing here can
//! sign.

mod bearer;
mod caller;
mod claims;
mod keys;
mod organisations;
mod permission;
mod standings;
mod verifier;

pub use bearer::bearer;
pub use caller::Caller;
pub use claims::{Bearer, Claims, Grant, Standing, Subject};
pub use keys::{KeyRing, SigningKey};
pub use organisations::{Organisation, Organisations};
pub use permission::{Permission, Permissions, Role};
pub use standings::Standings;
pub use verifier::{Rejection, Verified, Verifier};
