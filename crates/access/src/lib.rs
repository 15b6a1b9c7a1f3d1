#![doc = include_str!("../README.md")]
//!
//! `Caller` says who asks, `Permission` what for, and `Verifier` makes a caller of a token; the rule: nothing here can
//! sign.

mod api_keys;
mod bearer;
mod caller;
mod claims;
mod keys;
mod networks;
mod organisations;
mod permission;
mod standings;
mod verifier;

pub use api_keys::{ApiKey, ApiKeys, KeyRejection, PresentedKey, PublishedKey};
pub use bearer::bearer;
pub use caller::Caller;
pub use claims::{Bearer, Claims, Grant, Standing, Subject};
pub use keys::{KeyRing, SigningKey, thumbprint};
pub use networks::Network;
pub use organisations::{Organisation, Organisations};
pub use permission::{Permission, Permissions, Role};
pub use standings::Standings;
pub use verifier::{Rejection, Verified, Verifier};
