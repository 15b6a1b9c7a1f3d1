//! SQL that writes: load for update, save. Row types never leave this folder.

pub mod products;
pub mod trees;
