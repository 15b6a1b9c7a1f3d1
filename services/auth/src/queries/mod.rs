//! What can be asked: one file, one question and its one SELECT.

mod find_user;
mod list_signing_keys;

pub use find_user::FindUser;
pub use list_signing_keys::ListSigningKeys;
