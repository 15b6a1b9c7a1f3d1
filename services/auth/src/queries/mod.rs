//! What can be asked: one question and its one SELECT per file.

mod find_account;
mod find_user;

pub use find_account::{Account, FindAccount};
pub use find_user::FindUser;
