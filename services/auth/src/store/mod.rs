//! SQL that writes: load for update, insert, save. Row types never leave this folder.

pub mod attempts;
pub mod organisations;
pub mod signing_keys;
pub mod users;
