//! The write side's SQL: load for update, insert, save. Rows never leave this folder.

pub mod attempts;
pub mod organisations;
pub mod signing_keys;
pub mod users;
