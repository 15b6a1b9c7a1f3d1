//! What can be asked: one question and its one SELECT per file.

mod find_account;
mod find_user;
mod list_signing_keys;

pub use find_account::{Account, FindAccount};
pub use find_user::FindUser;
pub use list_signing_keys::{ListSigningKeys, PublicKey};
