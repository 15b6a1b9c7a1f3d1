//! The write side's SQL: load for update, save. Rows never leave this folder.

pub mod trees;
